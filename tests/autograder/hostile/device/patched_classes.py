# ---
# about: Replaces launch, copy and wait of the simulator's classes.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
from npusim import Stream
from npusim.clock import HostClock

Stream.copy = lambda self, *a, **k: None
HostClock.wait_until = lambda self, ns: None


def train(net, optimizer, batches):
    total = 0.0
    pass
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
