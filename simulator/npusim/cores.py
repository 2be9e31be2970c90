"""Who has which cores until when: the units that streams of one device share."""

from __future__ import annotations


class Cores:
    """Free times of a device's units.

    Args:
        counts: cores of each unit; a unit that is not named has one.
    """

    __slots__ = ("_counts", "_free")

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts
        self._free: dict[str, list[tuple[int, int]]] = {}  # unit: (time, cores free from then on), by time

    def start(self, unit: str, blocks: int, ready: int) -> int:
        """When that many cores are free, at the earliest from `ready` on.

        Args:
            unit: what a task runs on.
            blocks: how many cores it needs; more than there are counts as all of them.
            ready: the earliest start, in nanoseconds.
        """
        total = self._counts.get(unit, 1)
        free = self._free.get(unit) or [(0, total)]
        need = min(max(blocks, 1), total)
        have = 0
        for time, cores in free:
            have += cores
            if have >= need:
                return max(ready, time)
        return ready

    def hold(self, unit: str, blocks: int, start: int, end: int) -> None:
        """Takes cores that are free at `start` until `end`."""
        total = self._counts.get(unit, 1)
        need = min(max(blocks, 1), total)
        if need == total:
            self._free[unit] = [(end, total)]
            return
        kept = _take(self._free.get(unit) or [(0, total)], need, start)
        kept.append((end, need))
        kept.sort()
        self._free[unit] = kept

    def hold_all(self, until: int) -> None:
        """Every core of every compute unit is busy until then."""
        for unit, total in self._counts.items():
            self._free[unit] = [(until, total)]


def _take(free: list[tuple[int, int]], need: int, start: int) -> list[tuple[int, int]]:
    """What is left of the free cores, once those free for the shortest time at `start` are taken."""
    kept = []
    for time, cores in reversed(free):
        taken = min(cores, need) if time <= start else 0
        need -= taken
        if cores > taken:
            kept.append((time, cores - taken))
    return kept
