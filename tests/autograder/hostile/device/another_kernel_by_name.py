# ---
# about: Registers its own operator for reading a number, without naming the simulator.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import sys

import torch

to_cpu = sys.modules["torch_" + "npu._s" + "im.dlpack"].to_cpu
library = torch.library.Library("aten", "IMPL")
library.impl("_local_scalar_dense", lambda self: to_cpu(self).item(), "PrivateUse1")


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
