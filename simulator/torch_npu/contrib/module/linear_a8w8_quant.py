"""The older name of `LinearQuant`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch_npu.contrib._checks import deprecated
from torch_npu.contrib.module.linear_quant import LinearQuant

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LinearA8W8Quant"]


class LinearA8W8Quant(LinearQuant):
    """See `LinearQuant`, which has the same arguments."""

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__(in_features, out_features, **options)
        deprecated("torch_npu.contrib.module.LinearA8W8Quant", "torch_npu.contrib.module.LinearQuant")

    def forward(self, linear_quant_input: Tensor) -> Tensor:
        """See `LinearQuant.forward`."""
        return super().forward(linear_quant_input)
