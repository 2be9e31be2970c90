# ---
# about: Makes every constant of the cost model small.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import npusim
from npusim import constants

for name, constant in list(npusim.CONSTANTS.items()):
    npusim.CONSTANTS[name] = constant._replace(value=1)
constants.value = constants.number = lambda name: 1


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
