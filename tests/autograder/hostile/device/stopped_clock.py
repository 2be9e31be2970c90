# ---
# about: Gives the machine a clock that stands still.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import npusim


class Still(npusim.HostClock):
    __slots__ = ()
    wait_until = advance = lambda self, ns: None


npusim.node().host = Still()


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
