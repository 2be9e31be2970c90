# ---
# about: Has a mode answer for every tensor which device it is on.
# verdict:
#   move_data: failed|refused|error
# never: [values_survive, goes_where_told]
# ---
# %% move_data
import torch
from torch.overrides import TorchFunctionMode


class Lie(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.device.__get__:
            return torch.device("npu:0")
        return func(*args, **(kwargs or {}))


Lie().__enter__()


def to_device(batch, device):
    return dict(batch)
