# ---
# about: Returns the loss of the last step instead of the mean over all steps.
# loses: {keep_on_device: 1}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()
