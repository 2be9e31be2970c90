"""The shifted windows of Swin transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from torch_npu.contrib._checks import value_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["roll"]
IMAGE = 4


def roll(x: Tensor, shifts: Sequence[int], dims: Sequence[int]) -> Tensor:
    """Shifts (N, H, W, C) images around, as `torch.roll` over the dimensions 1 and 2.

    Raises:
        ValueError: not four dimensions, or not two shifts and dimensions.
    """
    if x.dim() != IMAGE:
        raise value_error("Expected x.dim() == 4")
    if len(shifts) != 2:  # noqa: PLR2004 - rows and columns
        raise value_error("Expected len(shifts) == 2")
    if len(dims) != 2:  # noqa: PLR2004 - as above
        raise value_error("Expected len(dims) == 2")
    n, height, width, channels = x.shape
    order = (
        torch.arange(height * width).view(height, width).roll(tuple(shifts), (0, 1)).reshape(-1).to(x.device)
    )
    return x.reshape(n, height * width, channels).index_select(1, order).view(x.shape)
