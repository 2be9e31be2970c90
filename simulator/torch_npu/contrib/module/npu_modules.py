"""Dropout whose mask has a byte an element, as a module."""

from __future__ import annotations

from torch import Tensor, nn

from torch_npu.contrib._checks import value_error
from torch_npu.contrib.function.npu_functional import dropout_with_byte_mask

__all__ = ["DropoutWithByteMask"]


class DropoutWithByteMask(nn.Module):
    """Dropout.

    Args:
        p: probability of an element to be dropped.
        inplace: refused when used.
        max_seed: not used by the real one either.

    Raises:
        ValueError: p is not between 0 and 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, max_seed: int = 2**10 - 1) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise value_error(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input1: Tensor) -> Tensor:
        """Element by element."""
        return dropout_with_byte_mask(input1, self.p, self.training, self.inplace)
