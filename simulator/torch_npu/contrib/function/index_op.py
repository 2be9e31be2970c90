"""Assignment by a condition."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu.utils._error_code import ErrCode, ops_error

__all__ = ["npu_fast_condition_index_put"]


def npu_fast_condition_index_put(x: Tensor, condition: Tensor, value: float) -> Tensor:
    """A copy of x with a value where a condition holds, as `x[condition] = value`.

    Raises:
        TypeError: the condition is not bool.
    """
    if condition.dtype is not torch.bool:
        raise TypeError("Expected condition.dtype in [torch.bool]" + ops_error(ErrCode.TYPE))
    return x.masked_fill(condition, value)
