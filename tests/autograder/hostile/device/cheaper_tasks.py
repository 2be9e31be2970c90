# ---
# about: Gives the tasks that the device keeps a duration of nothing.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import npusim

def train(net, optimizer, batches):
    total = 0.0
    for task in npusim.node().device(0)._copies.values():
        task.duration = 0
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
