# ---
# about: Answers reads by a dispatch mode of its own, and counts nothing.
# verdict:
#   keep_on_device: failed|refused|error
# never: [mean_loss]
# ---
# %% keep_on_device
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Skip(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "_local_scalar_dense" in str(func):
            return 0.5
        return func(*args, **(kwargs or {}))


def train(net, optimizer, batches):
    total = 0.0
    mode = Skip(); mode.__enter__()
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    mode.__exit__(None, None, None)
    return total / len(batches)
