# ---
# about: Turns the cost model off, by its switch and by the environment.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import os

import npusim

os.environ["NPUSIM_COST_MODEL"] = "0"
npusim.cost_model_enabled(False)


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
