# ---
# about: Makes the rates fast that the cost model keeps of the chip, and leaves every constant as it is.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import npusim
from npusim.rates import rates

fast = rates(npusim.node().device(0).chip)
fast.overhead = 0
for name in ("memory", "load", "store", "vector", "cube", "drain"):
    setattr(fast, name, 1e9)


def train(net, optimizer, batches):
    npusim.node().device(0).forget_costs()
    total = 0.0
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)
