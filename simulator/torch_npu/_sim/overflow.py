"""Whether an operator overflowed since the flag was cleared, on devices in saturation mode.

In INF_NAN mode (910B and later by default) an overflow gives inf and the flag is not used. In saturation
mode a result that exceeds its type becomes the type's largest value, and the flag is set.
"""

from __future__ import annotations

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
