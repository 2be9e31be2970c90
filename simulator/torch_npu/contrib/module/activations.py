"""Activations, under older names."""

from __future__ import annotations

from torch import Tensor, nn

from torch_npu._ops.activations import npu_mish, npu_silu
from torch_npu.contrib._checks import deprecated


class Mish(nn.Module):
    """x · tanh(log(1 + exp(x)))."""

    def __init__(self) -> None:
        super().__init__()
        deprecated("torch_npu.contrib.module.Mish", "torch.nn.Mish")

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        found: Tensor = npu_mish(x)
        return found


class SiLU(nn.Module):
    """x · sigmoid(x)."""

    def __init__(self) -> None:
        super().__init__()
        deprecated("torch_npu.contrib.module.SiLU", "torch.nn.SiLU")

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        found: Tensor = npu_silu(x)
        return found


Swish = SiLU
