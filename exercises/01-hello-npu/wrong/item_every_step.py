# ---
# about: The colleague's loop again, reading the loss at every step.
# loses: {keep_on_device: 2}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    total = 0.0
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)
