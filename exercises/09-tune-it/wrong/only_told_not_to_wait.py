# ---
# about: non_blocking without pinned memory, which waits all the same.
# loses: {feed: 2, epoch: 1}
# ---
# %% feed
def feed(batches):
    for x, y in batches:
        yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


# %% epoch
def epoch(net, batches, lr):
    parameters = list(net.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=lr, foreach=True)
    losses, norms = [], []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x.to(device, non_blocking=True)), y.to(device, non_blocking=True))
        loss.backward()
        norms.append(nn.utils.get_total_norm([p.grad for p in parameters]))
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item(), torch.stack(norms).mean().item()
