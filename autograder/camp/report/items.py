"""How the class did on each task: difficulty and discrimination, by the indices of classical test theory.

*Facility* (also: difficulty index) is the mean of the points earned over the points to be had: 1 means that
everybody solved the task. *Discrimination* is the corrected item-total correlation: Pearson's r between the
points of the task and the points of all the other tasks. Sources: R. L. Ebel and D. A. Frisbie, Essentials of
Educational Measurement, 5th ed. (1991), ch. 13; J. C. Nunnally and I. H. Bernstein, Psychometric Theory,
3rd ed. (1994), ch. 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from camp.verdict import Outcome, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camp.course import Task

MIN_LEARNERS = 20
"""With fewer, a correlation is chance: at n = 20 its 95 % interval is still about ±0.45 wide around 0."""
MIN_TIMED = 5
WEAK = 0.2
"""Below this, Ebel's rule of thumb says that a question should be looked at."""


@dataclass(frozen=True)
class Item:
    """One task, and how the class did on it."""

    task: Task
    max_points: int
    tried: int
    """Submissions in which its answer cell was filled in and could be read."""
    solved: int
    """Submissions that earned all its points."""
    n: int
    """Submissions that count in the two indices: all but blank and refused ones; of a task by hand none."""
    facility: float | None
    """0 to 1; None when nobody attempted anything."""
    discrimination: float | None
    """-1 to 1; None under MIN_LEARNERS submissions, or when everybody earned the same."""
    minutes: float | None
    """Median of the recorded working times; None under MIN_TIMED of them."""
    timed: int
    """How many working times were recorded."""
    device_ms: float | None
    """Median device time in milliseconds, where checks judge by it; None where they do not."""

    @property
    def weak(self) -> bool:
        """Whether the task tells strong from weak learners less than it should."""
        return self.discrimination is not None and self.discrimination < WEAK


def item(task: Task, max_points: int, here: list[Verdict], minutes: Sequence[float]) -> Item:
    """Sum up one task over the verdicts of one assignment.

    Args:
        task: the task.
        max_points: what it is worth now.
        here: the verdicts; those made before the task existed do not count.
        minutes: the working times that were recorded for it, in minutes.
    """
    found = [(verdict, r) for verdict in here for r in verdict.tasks if r.task == task.id]
    counted = [
        (float(r.points), float(verdict.points - r.points), r.max_points)
        for verdict, r in found
        if verdict.outcome not in {Outcome.BLANK, Outcome.REFUSED} and not task.by_hand
    ]
    device = [c.device_ms for _, r in found for c in r.checks if c.device_ms is not None]
    possible = sum(most for _, _, most in counted)
    return Item(
        task=task,
        max_points=max_points,
        tried=sum(r.status not in {Status.NOT_ATTEMPTED, Status.REFUSED} for _, r in found),
        solved=sum(r.status is Status.PASSED for _, r in found),
        n=len(counted),
        facility=sum(own for own, _, _ in counted) / possible if possible else None,
        discrimination=correlation([own for own, _, _ in counted], [rest for _, rest, _ in counted])
        if len(counted) >= MIN_LEARNERS
        else None,
        minutes=median(minutes) if len(minutes) >= MIN_TIMED else None,
        timed=len(minutes),
        device_ms=median(device) if device else None,
    )


def correlation(xs: list[float], ys: list[float]) -> float | None:
    """Pearson's r; None where one of the two does not vary.

    Args:
        xs: values.
        ys: as many values.
    """
    n = len(xs)
    mean_x, mean_y = math.fsum(xs) / n, math.fsum(ys) / n
    dx, dy = [x - mean_x for x in xs], [y - mean_y for y in ys]
    sxx, syy = math.fsum(d * d for d in dx), math.fsum(d * d for d in dy)
    if not sxx or not syy:
        return None
    r = math.fsum(a * b for a, b in zip(dx, dy, strict=True)) / math.sqrt(sxx * syy)
    return max(-1.0, min(1.0, r))
