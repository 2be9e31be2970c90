"""Plays the calls of a profile again, as they were or changed, and says how long they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npu_advice.profile import Call


def play(calls: Iterable[Call]) -> int:
    """Nanoseconds from the first call until host and device are done.

    The host makes one call after the other, with the pauses that it had; a task begins when its call has
    been made and its stream is free.
    """
    host = 0
    tails: dict[int, int] = {}
    for call in calls:
        host += call.gap
        if call.kind == "sync":
            # the call lasted as long as it waited, so only the waiting counts
            host = max(host, *tails.values()) if tails else host
            continue
        host += call.host
        if call.kind == "compile":
            continue
        done = max(host, tails.get(call.stream, 0)) + call.lag + call.duration
        tails[call.stream] = done
        if call.waits:
            host = max(host, done)
    return max(host, *tails.values()) if tails else host


def device_time(calls: Iterable[Call]) -> int:
    """Nanoseconds of all kernels."""
    return sum(call.duration for call in calls if call.kind == "kernel")
