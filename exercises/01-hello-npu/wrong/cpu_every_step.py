# ---
# about: Avoids .item() but copies each loss to the host with .cpu(), which waits just the same.
# loses: {keep_on_device: 2}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach().cpu())
    return torch.stack(losses).mean().item()
