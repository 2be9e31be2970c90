"""What the functions and modules here have in common."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from torch import Tensor


def wide(box: Tensor) -> Tensor:
    """A tensor as float32; the real one turns float16 into it as well."""
    return box.float()


def value_error(text: str) -> ValueError:
    """The error for a wrong argument."""
    return ValueError(text + ops_error(ErrCode.VALUE))


def same_boxes(a: Tensor, b: Tensor, first: str, second: str) -> None:
    """Raises where two lists of boxes do not fit.

    Raises:
        ValueError: their lengths differ, or they are not (n, 4).
    """
    if a.size(0) != b.size(0):
        raise value_error(f"Expected {first}.size(0) == {second}.size(0)")
    if not a.size(-1) == b.size(-1) == 4:  # noqa: PLR2004 - four numbers a box
        raise value_error(f"Expected {first}.size(-1) == {second}.size(-1) == 4")


def deprecated(name: str, instead: str) -> None:
    """Warns as the real one does."""
    warnings.warn(
        f"{name} is deprecated. Please use {instead} as a replacement.", FutureWarning, stacklevel=3
    )


def as_long(x: Tensor) -> Tensor:
    """Indices of the type that PyTorch wants."""
    return x.to(torch.long)
