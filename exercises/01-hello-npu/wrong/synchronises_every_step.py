# ---
# about: Reads once, but synchronises after each step to be on the safe side.
# loses: {keep_on_device: 2}
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    total = torch.zeros((), device=batches[0][0].device)
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        torch.npu.synchronize()
        total += loss.detach()
    return (total / len(batches)).item()
