# ---
# about: Adam, whose decay goes through the gradient; and a loop that only lets PyTorch choose.
# loses: {make_optimizer: 4, epoch: 5}
# ---
# %% make_optimizer
def make_optimizer(parameters, lr, decay):
    return torch.optim.Adam(parameters, lr=lr, weight_decay=decay, foreach=True)


# %% epoch
def epoch(net, batches, lr):
    parameters = list(net.parameters())
    optimizer = torch.optim.Adam(parameters, lr=lr * 3, foreach=True)
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
