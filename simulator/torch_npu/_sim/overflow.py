"""Whether an operator overflowed since the flag was cleared, on devices in saturation mode.

In INF_NAN mode (910B and later by default) an overflow gives inf and the flag is not used. In saturation
mode a result that exceeds its type becomes the type's largest value, and the flag is set.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import npusim
import torch
from torch import Tensor

from torch_npu._sim import guard

if TYPE_CHECKING:
    from collections.abc import Callable

_flags: set[int] = set()


def mark(index: int) -> None:
    """An operator overflowed on a device."""
    _flags.add(index)


def happened(index: int) -> bool:
    """Whether one did since `clear`."""
    return index in _flags


def clear(index: int) -> None:
    """Forgets it."""
    _flags.discard(index)


def saturates() -> bool:
    """Whether this process computes in saturation mode: an older chip, or INF_NAN mode switched off."""
    if os.environ.get("INF_NAN_MODE_ENABLE") == "0" or os.environ.get("INF_NAN_MODE_FORCE_DISABLE") == "1":
        return True
    soc = os.environ.get("NPUSIM_SOC")
    if not soc:
        return False
    try:
        return not npusim.Settings().chip.split
    except npusim.NpusimError:  # what is wrong is told when a device is first used
        return False


def check(*, newer: bool) -> None:
    """Refuses to switch INF_NAN mode off where it is the chip's own (NpuVariables.cpp in Ascend/pytorch).

    Args:
        newer: whether it is: on 910B and later.

    Raises:
        RuntimeError: INF_NAN_MODE_ENABLE=0 without INF_NAN_MODE_FORCE_DISABLE=1.
    """
    if (
        newer
        and os.environ.get("INF_NAN_MODE_ENABLE") == "0"
        and os.environ.get("INF_NAN_MODE_FORCE_DISABLE") != "1"
    ):
        raise RuntimeError(
            "INF_NAN_MODE_ENABLE shouldn't be set to 0 on the current device. If you want to disable "
            "inf-nan mode, please export INF_NAN_MODE_FORCE_DISABLE=1"
        )


def _infinite(values: Any) -> bool:
    return any(
        isinstance(v, Tensor) and v.is_floating_point() and not bool(torch.isfinite(v).all()) for v in values
    )


def saturating(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The same kernel in saturation mode: what overflows is cut to the largest value, and marks the flag."""

    def kernel(*args: Any, **kwargs: Any) -> Any:
        given = _infinite(args) or any(isinstance(a, float) and not math.isfinite(a) for a in args)
        result = compute(*args, **kwargs)
        if not given and isinstance(result, Tensor) and _infinite([result]):
            cut(result)
        return result

    return kernel


def cut(result: Tensor) -> None:
    """Cuts what overflowed in a host tensor to its type's largest value, and marks the flag."""
    mark(guard.current())
    largest = torch.finfo(result.dtype).max
    result.nan_to_num_(0.0, largest, -largest)


def cut_cast(source: Tensor, result: Tensor) -> None:
    """The same for a cast: what was infinite before stays so."""
    if SATURATES and not _infinite([source]) and _infinite([result]):
        cut(result)


SATURATES = saturates()


def settle() -> None:
    """Takes the mode from the environment as it is when a device is first used, as the chip does."""
    global SATURATES  # noqa: PLW0603 - every cast looks it up
    SATURATES = saturates()
