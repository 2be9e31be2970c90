"""Dropout whose mask has a byte an element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from torch_npu.contrib._checks import value_error

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["dropout_with_byte_mask"]


def dropout_with_byte_mask(
    input1: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Dropout; the mask's form is the device's business.

    Raises:
        ValueError: p is not between 0 and 1, or in place.
    """
    if not 0 <= p <= 1:
        raise value_error(f"dropout probability has to be between 0 and 1, but got {p}")
    if inplace:
        raise value_error("dropout probability has no-inplace computing.")
    return functional.dropout(input1, p, training)
