"""Matrix products of 16-bit floats, as the Cube computes them: accumulated in float32, rounded once.

Source: the Cube's L0C buffer holds float32 for float16 and bfloat16 inputs (Ascend C API reference, Mmad).
PyTorch's own CPU kernels for these types take a hundred times longer and round in between.
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
        "dot",
        "ger",
        "linear",
        "mm",
        "mv",
        "vdot",
    }
)
_HALVES = {torch.float16, torch.bfloat16}


def accumulated_in_float32(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The same product, with 16-bit inputs widened before it and its result rounded after it."""

    def product(*args: Any, **kwargs: Any) -> Any:
        dtypes = {a.dtype for a in args if isinstance(a, Tensor)}
        if len(dtypes) != 1 or not dtypes <= _HALVES:  # of mixed types PyTorch says itself what is wrong
            return compute(*args, **kwargs)
        wide = [a.float() if isinstance(a, Tensor) else a for a in args]
        return compute(*wide, **kwargs).to(dtypes.pop())

    return product
