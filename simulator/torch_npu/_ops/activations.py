"""Activation functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused

FAST_GELU = 1.702


@fused("FastGelu")
def npu_fast_gelu(self: Tensor) -> Tensor:
    """X / (1 + exp(-1.702 |x|)) · exp(0.851 (x - |x|)), which is x · sigmoid(1.702 x)."""
    return self * torch.sigmoid(FAST_GELU * self)


fast_gelu = npu_fast_gelu


@fused("GeluV2")
def npu_gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """GELU by the error function ("none") or by tanh."""
    return functional.gelu(input, approximate=approximate)


@fused("GeluMul")
def npu_gelu_mul(input: Tensor, approximate: str = "none") -> Tensor:
    """GELU of the first half of the last dimension, times the second half."""
    left, right = input.chunk(2, dim=-1)
    return functional.gelu(left, approximate=approximate) * right


@fused("GeGluV2")
def npu_geglu(
    self: Tensor, dim: int = -1, approximate: int = 1, activate_left: bool = False
) -> tuple[Tensor, Tensor]:
    """Half of a dimension times the GELU of the other half; returns the product and the GELU.

    Args:
        self: its size in `dim` is even.
        dim: where it is halved.
        approximate: 0 the error function, 1 tanh.
        activate_left: GELU of the first half instead of the second.
    """
    left, right = self.chunk(2, dim=dim)
    if not activate_left:
        left, right = right, left
    active = functional.gelu(left, approximate="tanh" if approximate == 1 else "none")
    return active * right, active


@fused("Mish")
def npu_mish(self: Tensor) -> Tensor:
    """X · tanh(log(1 + exp(x)))."""
    return functional.mish(self)


@fused("Swish")
def npu_silu(self: Tensor) -> Tensor:
    """X · sigmoid(x)."""
    return functional.silu(self)


@fused("Swish", differentiable=False)
def npu_silu_(self: Tensor) -> Tensor:
    """X · sigmoid(x), in place."""
    return functional.silu(self, inplace=True)


@fused("SwiGlu")
def npu_swiglu(self: Tensor, dim: int = -1) -> Tensor:
    """SiLU of the first half of a dimension, times the second half."""
    left, right = self.chunk(2, dim=dim)
    return functional.silu(left) * right
