"""Which processor cores the calling thread may run on."""

from __future__ import annotations

import os
from typing import TypeGuard

from torch_npu.utils._error_code import ErrCode, pta_error

__all__ = ["reset_thread_affinity", "set_thread_affinity"]


class _State:
    # What the process was given, before the first change.
    given: frozenset[int] | None = None


def _is_pair(value: object) -> TypeGuard[list[int]]:
    first_and_last = 2
    return isinstance(value, list) and len(value) == first_and_last


def _cores(core_range: object) -> set[int]:
    ranges = core_range
    if _is_pair(core_range) and all(isinstance(x, int) for x in core_range):
        ranges = [core_range]
    if not isinstance(ranges, list) or not ranges or not all(_is_pair(x) for x in ranges):
        raise ValueError(f"Invalid core range: {core_range}" + pta_error(ErrCode.PARAM))
    cores: set[int] = set()
    for first, last in ranges:
        if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last):
            raise ValueError(f"Invalid core range values: [{first}, {last}]" + pta_error(ErrCode.VALUE))
        cores.update(range(first, last + 1))
    return cores


def set_thread_affinity(core_range: list[int] | list[list[int]] | None = None) -> None:
    """Lets the calling thread run on some cores only; does nothing on systems that cannot, such as macOS.

    Args:
        core_range: first and last core, or several such pairs; None lets it run where it could before.

    Raises:
        ValueError: not such a range, or none of the cores exists.
    """
    if core_range is None:
        reset_thread_affinity()
        return
    cores = _cores(core_range)
    if not hasattr(os, "sched_setaffinity"):
        return
    if _State.given is None:
        _State.given = frozenset(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, cores)
    except OSError:
        raise ValueError(
            f"Invalid core range: {core_range}, this computer has {os.cpu_count()} cores"
            + pta_error(ErrCode.PARAM)
        ) from None


def reset_thread_affinity() -> None:
    """Lets the calling thread run where it could before `set_thread_affinity`."""
    if _State.given is not None:
        os.sched_setaffinity(0, _State.given)
