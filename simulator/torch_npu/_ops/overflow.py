"""The overflow status of the device, as a tensor of eight numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._sim import overflow

STATUS_SIZE = 8


def npu_alloc_float_status(self: Tensor) -> Tensor:
    """A tensor for the status: eight zeros, float32."""
    return torch.zeros(STATUS_SIZE, device=self.device)


def npu_get_float_status(self: Tensor) -> Tensor:
    """The status: eight numbers, int32, not zero after an overflow in saturation mode."""
    flag = int(overflow.happened(self.get_device()))
    return torch.full((STATUS_SIZE,), flag, dtype=torch.int32, device=self.device)


def npu_clear_float_status(self: Tensor) -> Tensor:
    """Clears the status; returns eight zeros, int32."""
    overflow.clear(self.get_device())
    return torch.zeros(STATUS_SIZE, dtype=torch.int32, device=self.device)
