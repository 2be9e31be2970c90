# ---
# about: Leaves the optimizer as it is and removes only the reads.
# loses: {make_optimizer: 2, epoch: 3}
# ---
# %% make_optimizer
def make_optimizer(parameters, lr, decay):
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, foreach=False)


# %% epoch
def epoch(net, batches, lr):
    parameters = list(net.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=lr, foreach=False)
    losses, norms = [], []
    for x, y in batches:
        frame = x.pin_memory().to(device, non_blocking=True)
        target = y.pin_memory().to(device, non_blocking=True)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(frame), target)
        loss.backward()
        norms.append(nn.utils.get_total_norm([p.grad for p in parameters]))
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item(), torch.stack(norms).mean().item()
