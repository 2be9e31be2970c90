"""Who is told what the program does: the profiler while it records, otherwise nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import npusim


class MemoryWatcher(Protocol):
    """Told of device memory that tensors take and give back."""

    def memory(self, index: int, address: int, nbytes: int, stream: int, *, taken: bool) -> None:
        """One block of a device."""


class RangeWatcher(Protocol):
    """Told of marks and ranges of `torch_npu.npu.mstx`."""

    def mark(self, message: str, domain: str, stream: npusim.Stream | None) -> None:
        """A moment."""

    def begin(self, number: int, message: str, domain: str, stream: npusim.Stream | None) -> None:
        """A range begins."""

    def end(self, number: int) -> None:
        """A range ends."""


class OperatorWatcher(Protocol):
    """Told of operators that are not PyTorch's."""

    def begin_operator(self, name: str) -> int:
        """One begins; returns its number."""

    def end_operator(self, place: int) -> None:
        """It ends."""


memory: list[MemoryWatcher] = []
operators: list[OperatorWatcher] = []
ranges: list[RangeWatcher] = []
