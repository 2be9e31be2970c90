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
        self._free: dict[str, list[list[int]]] = {}  # unit: [time, cores free from then on], by time

    def place(self, unit: str, blocks: int, ready: int, duration: int) -> int:
        """Gives a task its cores and returns when it starts.

        Args:
            unit: what it runs on.
            blocks: how many cores it needs; more than there are counts as all of them.
            ready: the earliest start, in nanoseconds.
            duration: how long it holds them.
        """
        total = self._counts.get(unit, 1)
        free = self._free.setdefault(unit, [[0, total]])
        need = min(max(blocks, 1), total)
        have = 0
        start = ready
        for time, cores in free:
            have += cores
            if have >= need:
                start = max(ready, time)
                break
        left = need
        # the cores that have been free for the shortest time, so that long-free ones stay for others
        for i in range(len(free) - 1, -1, -1):
            time, cores = free[i]
            if time > start or left == 0:
                continue
            taken = min(cores, left)
            left -= taken
            free[i][1] -= taken
        kept = [entry for entry in free if entry[1] > 0]
        kept.append([start + duration, need])
        kept.sort()
        self._free[unit] = kept
        return start

    def hold_all(self, until: int) -> None:
        """Every core of every compute unit is busy until then."""
        for unit, total in self._counts.items():
            self._free[unit] = [[until, total]]
