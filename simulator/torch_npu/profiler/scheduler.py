"""Which steps are recorded (torch_npu/profiler/scheduler.py of Ascend/pytorch)."""

from __future__ import annotations

from enum import Enum
from typing import Any

from torch_npu.profiler._messages import warn
from torch_npu.utils._error_code import ErrCode, prof_error

__all__ = ["ProfilerAction", "Schedule"]

_LOWEST = {"wait": 0, "warmup": 0, "active": 1, "repeat": 0, "skip_first": 0}


class ProfilerAction(Enum):
    """What the profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class Schedule:
    """Steps by their number: skip_first, then cycles of wait, warmup and active.

    Args:
        wait: steps of a cycle in which nothing is done.
        active: steps that are recorded, at least 1.
        warmup: steps before them in which the profiler runs without keeping anything.
        repeat: cycles; 0 goes on until the end.
        skip_first: steps before the first cycle.
        skip_first_wait: not 0 leaves out the wait of the first cycle.
    """

    def __init__(
        self,
        wait: int,
        active: int,
        warmup: int = 0,
        repeat: int = 0,
        skip_first: int = 0,
        skip_first_wait: Any = 0,
    ) -> None:
        self.wait = wait
        self.active = active
        self.warmup = warmup
        self.repeat = repeat
        self.skip_first = skip_first
        self.skip_first_wait = skip_first_wait
        self._check()

    def __call__(self, step: int) -> ProfilerAction:
        """What is done in the step of that number, from 0.

        Raises:
            ValueError: it is negative.
        """
        if step < 0:
            raise ValueError(
                "Invalid parameter step, which must be not less than 0." + prof_error(ErrCode.VALUE)
            )
        if step < self.skip_first:
            return ProfilerAction.NONE
        step -= self.skip_first
        if self.skip_first_wait:
            step += self.wait
        cycle = self.wait + self.warmup + self.active
        if self.repeat > 0 and step >= self.repeat * cycle:
            return ProfilerAction.NONE
        place = step % cycle
        if place < self.wait:
            return ProfilerAction.NONE
        if place < self.wait + self.warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if place == cycle - 1 else ProfilerAction.RECORD

    def _check(self) -> None:
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                warn(f"Invalid parameter {name}, reset it to {lowest}.")
                setattr(self, name, lowest)
        if not isinstance(self.skip_first_wait, int):
            warn("Invalid parameter skip_first_wait, reset it to 0.")
            self.skip_first_wait = 0
        if self.warmup == 0:
            warn("Profiler won't be using warmup, this can skew profiler results")


def always(_step: int) -> ProfilerAction:
    """The schedule where none is given: every step is recorded."""
    return ProfilerAction.RECORD
