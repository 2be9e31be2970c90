"""Matrix products of 16-bit floats, as the Cube computes them: accumulated in float32, rounded once.

Source: the Cube's L0C buffer holds float32 for float16 and bfloat16 inputs (Ascend C API reference, Mmad).
PyTorch's own CPU kernels for these types take a hundred times longer and round in between.

Where a program allows HF32, float32 operands are rounded to its 11 bits of mantissa before the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = frozenset(
    {
        "_addmm_activation",
        "addbmm",
        "addmm",
        "addmv",
        "addr",
        "baddbmm",
        "bmm",
        "convolution",
        "convolution_backward",
        "dot",
        "ger",
        "linear",
        "mm",
        "mv",
        "vdot",
    }
)
_HALVES = {torch.float16, torch.bfloat16}
_DROPPED_BITS = 12  # of float32's 23


class Hf32:
    """Whether products and convolutions of float32 are computed in HF32."""

    matmul = False
    conv = False


def _rounded(x: Any) -> Any:
    """A float32 tensor with HF32's values: 8 bits of exponent, 11 of mantissa, to the nearest."""
    if not isinstance(x, Tensor):
        return x
    half, mask = 1 << (_DROPPED_BITS - 1), -1 << _DROPPED_BITS
    kept = ((x.contiguous().view(torch.int32) + half) & mask).view(torch.float32)
    return torch.where(x.isfinite(), kept, x)


IN_FLOAT32 = frozenset(
    {
        "_cdist_backward",
        "_cdist_forward",
        "_pdist_forward",
        "_upsample_bicubic2d_aa",
        "_upsample_bicubic2d_aa_backward",
        "_upsample_bilinear2d_aa",
        "_upsample_bilinear2d_aa_backward",
        "avg_pool3d",
        "avg_pool3d_backward",
        "binary_cross_entropy_with_logits",
    }
)
"""Composed of several operators on the CPU, or not there for 16 bits; on the device one that rounds once."""


def computed_in_float32(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The same operator, with 16-bit inputs widened before it and its results rounded after it."""

    def widened(*args: Any, **kwargs: Any) -> Any:
        dtypes = {a.dtype for a in args if isinstance(a, Tensor) and a.is_floating_point()}
        if len(dtypes) != 1 or not dtypes <= _HALVES:  # of mixed types PyTorch says itself what is wrong
            return compute(*args, **kwargs)
        wide = [a.float() if isinstance(a, Tensor) and a.is_floating_point() else a for a in args]
        return _narrowed(compute(*wide, **kwargs), dtypes.pop())

    return widened


def accumulated_in_float32(compute: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same product, with 16-bit inputs widened before it and its results rounded after it.

    Args:
        compute: the product on host tensors.
        name: one of `NAMES`.
    """
    switch = "conv" if name == "convolution" else "matmul"
    may_round = name != "convolution_backward"

    def product(*args: Any, **kwargs: Any) -> Any:
        rounds = may_round and getattr(Hf32, switch)
        if args[0].dtype is torch.float32 and not rounds:  # nearly always: nothing to do
            return compute(*args, **kwargs)
        dtypes = {a.dtype for a in args if isinstance(a, Tensor)}
        if len(dtypes) != 1 or not dtypes <= _HALVES:  # of mixed types PyTorch says itself what is wrong
            if rounds and dtypes == {torch.float32}:
                args = tuple(_rounded(a) for a in args)
            return compute(*args, **kwargs)
        wide = [a.float() if isinstance(a, Tensor) else a for a in args]
        return _narrowed(compute(*wide, **kwargs), dtypes.pop())

    return product


def _narrowed(result: Any, dtype: torch.dtype) -> Any:
    """A result in 16 bits, or several of which some may be left out."""
    if isinstance(result, Tensor):
        return result.to(dtype)
    return tuple(None if one is None else one.to(dtype) for one in result)
