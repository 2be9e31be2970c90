# ---
# about: Returns the mean as a tensor on the device; the caller asked for a number.
# loses: {keep_on_device: 1}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean()
