"""Max pooling of planes, computed with the channels innermost.

PyTorch's CPU kernel for contiguous planes takes one element at a time, the one for channels last takes
a vector. A maximum and its place in its plane are the same either way, to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "max_pool2d_with_indices"
_DIMS = 4  # batch, channels, height, width
# Elements of an input for which turning it pays: below a call costs more, above the memory is the limit.
_FEWEST, _MOST = 1 << 12, 1 << 23
_LAST = torch.channels_last


def channels_innermost(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The same pooling of host tensors, quicker for a contiguous float32 batch of some size."""

    def pooling(x: torch.Tensor, *args: Any) -> Any:
        if (
            x.dim() != _DIMS
            or not _FEWEST <= x.numel() <= _MOST
            or x.dtype is not torch.float32
            or not x.is_contiguous()
            or x.is_contiguous(memory_format=_LAST)
        ):
            return compute(x, *args)
        values, indices = compute(x.contiguous(memory_format=_LAST), *args)
        return values.contiguous(), indices.contiguous()

    return pooling
