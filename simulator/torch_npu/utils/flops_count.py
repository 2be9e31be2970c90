"""Counts the floating-point operations of matrix products, convolutions and attention."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["FlopsCounter"]


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, counter: FlopsCounter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counter = counter

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self._counter._add(formula(*args, **(kwargs or {}), out_val=result))
        return result


class FlopsCounter:
    """Counts floating-point operations between `start` and `stop`.

    Counted are PyTorch's operators for which PyTorch knows a formula, forward and backward; the operators
    of torch_npu (`npu_fusion_attention`, ...) are not.
    """

    def __init__(self) -> None:
        self._mode: _Counting | None = None
        self._paused = False
        self._recorded = 0
        self._traversed = 0

    def _add(self, flops: int) -> None:
        self._traversed += flops
        if not self._paused:
            self._recorded += flops

    def start(self) -> None:
        """Starts to count."""
        if self._mode is None:
            self._mode = _Counting(self)
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Stops, and forgets the counts: ask for them before."""
        if self._mode is not None:
            self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._mode = None
        self._paused = False
        self._recorded = self._traversed = 0

    def pause(self) -> None:
        """What follows is traversed, not recorded."""
        self._paused = True

    def resume(self) -> None:
        """What follows is recorded again."""
        self._paused = False

    def get_flops(self) -> list[int]:
        """The operations recorded, and those traversed, pauses included."""
        return [self._recorded, self._traversed]
