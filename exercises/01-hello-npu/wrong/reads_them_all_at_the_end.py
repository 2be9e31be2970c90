# ---
# about: Collects the losses on the device, but then reads them one by one.
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
        losses.append(loss)
    return sum(loss.item() for loss in losses) / len(losses)
