# ---
# about: Reaches the check's names by the globals of a function that it was given.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    total = 0.0
    names = type(optimizer).step.__globals__
    for name in ("begin", "end", "collected", "_marked", "fingerprint"):
        if name in names:
            names[name] = lambda: None
    names["train"] = names["result"] = None
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
