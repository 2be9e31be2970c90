"""Sets of time: unions, lengths and overlaps of intervals, in whole nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Interval = tuple[int, int]  # begin, end


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as disjoint intervals, in order; empty ones vanish."""
    merged: list[Interval] = []
    for begin, end in sorted(intervals):
        if begin >= end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def length(intervals: Iterable[Interval]) -> int:
    """The sum of lengths of disjoint intervals."""
    return sum(end - begin for begin, end in intervals)


def overlap(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """The time in both of two lists of disjoint intervals in order."""
    found = []
    i = j = 0
    while i < len(left) and j < len(right):
        begin, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begin < end:
            found.append((begin, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def clip(intervals: Iterable[Interval], begin: int, end: int) -> list[Interval]:
    """What of the intervals lies between two moments."""
    return [(max(a, begin), min(b, end)) for a, b in intervals if a < end and b > begin]


def gaps(intervals: list[Interval], begin: int, end: int) -> list[Interval]:
    """What lies between two moments and in none of the disjoint intervals in order."""
    found = []
    for a, b in clip(intervals, begin, end):
        if begin < a:
            found.append((begin, a))
        begin = max(begin, b)
    if begin < end:
        found.append((begin, end))
    return found
