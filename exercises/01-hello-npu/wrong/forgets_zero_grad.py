# ---
# about: Leaves the gradients of earlier steps in place, so each step follows the sum of all.
# loses: {keep_on_device: 4}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    losses = []
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item()
