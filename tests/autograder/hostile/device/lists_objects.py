# ---
# about: Looks for the check's own objects among all that there are, while it is asked.
# verdict:
#   keep_on_device: failed|refused|error
# never: [trains, mean_loss, reads_once, device_time]
# ---
# %% keep_on_device
import gc

def train(net, optimizer, batches):
    total = 0.0
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "collected" in thing:
            thing["collected"] = {}
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
