"""Who has how much of the device's memory bandwidth when: what streams share besides cores.

Tasks are placed in the order of the host's calls. One that was placed earlier keeps what it was given; a
later one takes what is left, and takes longer where that is less than it could use. So several streams
together never move more than the memory can, and never less than one after the other would.
"""

from __future__ import annotations

from bisect import bisect_right

FULL = 1 << 20  # the whole bandwidth
KEPT = 64  # moments of the past that are not worth a clean-up


class Bandwidth:
    """How much of the bandwidth is given away, from now on."""

    __slots__ = ("_times", "_used")

    def __init__(self) -> None:
        self._times = [0]  # moments at which the use changes
        self._used = [0]  # the share in use from each moment to the next; the last one holds for ever

    def place(self, start: int, duration: int, busy: int) -> int:
        """Gives a task its share and returns when it ends.

        Args:
            start: when it starts, in nanoseconds.
            duration: how long it takes where it has all that it can use.
            busy: how long the whole bandwidth would take for what it moves.
        """
        if busy <= 0 or duration <= 0:
            return start + duration
        share = min(FULL, max(1, busy * FULL // duration))
        left = share * duration
        i = self._split(start)
        now = start
        while True:
            rate = min(share, FULL - self._used[i])
            until = self._times[i + 1] if i + 1 < len(self._times) else None
            if rate and (until is None or rate * (until - now) >= left):
                end = now + -(-left // rate)
                self._split(end)
                self._used[i] += rate
                return end
            if until is None:
                raise AssertionError("the last share is free")
            self._used[i] += rate
            left -= rate * (until - now)
            now, i = until, i + 1

    def forget(self, before: int) -> None:
        """Drops what was before a moment: nothing starts there any more."""
        if len(self._times) > KEPT and self._times[KEPT] <= before:
            keep = bisect_right(self._times, before) - 1
            del self._times[:keep]
            del self._used[:keep]

    def _split(self, time: int) -> int:
        """Makes a moment one at which the use may change; returns its place."""
        i = bisect_right(self._times, time) - 1
        if i < 0:
            self._times.insert(0, time)
            self._used.insert(0, 0)
            return 0
        if self._times[i] != time:
            i += 1
            self._times.insert(i, time)
            self._used.insert(i, self._used[i - 1])
        return i
