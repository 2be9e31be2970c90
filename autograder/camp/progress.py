"""How grading goes on: a bar on a terminal, lines elsewhere, and an estimate of what is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from camp.verdict import Outcome, in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console

    from camp.verdict import Verdict

TELL_SECONDS = 15.0
"""Where there is no bar, a line says at most so often how far it is."""
_MANY_STANDING = 20
"""So many verdicts that still stand are told one by one; of more, the number."""


class Progress:
    """Tells of each verdict in a line, and how far it is; use as a context manager.

    Args:
        console: where to.
        before: called once before the first submission is graded, and not if there is none to grade.
        clock: seconds since any moment.

    Attributes:
        refused: the learner and a line for each submission that could not be read.
    """

    def __init__(
        self,
        console: Console,
        *,
        before: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.refused: list[tuple[str, str]] = []
        self._console = console
        self._before = before
        self._clock = clock
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._job = self._bar.add_task("grading", total=None)
        self._total = self._done = self._standing = 0
        self._began = self._told = clock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begins(self, fresh: int, standing: int) -> None:
        """So many submissions are to be graded, so many have a verdict that still stands."""
        if self._before and fresh:
            self._before()
        self._total, self._standing = fresh, standing
        self._began = self._told = self._clock()
        self._bar.update(self._job, total=fresh)
        if standing > _MANY_STANDING:
            self._say(f"unchanged  {standing} submissions, their verdicts stand")

    def verdict(self, verdict: Verdict, *, earlier: bool) -> None:
        """Tell of one verdict."""
        if verdict.outcome is Outcome.REFUSED:
            why = verdict.findings[0] if verdict.findings else "no reason is known"
            line = f"{verdict.assignment} of {verdict.learner} is refused: {why}"
            self.refused.append((verdict.learner, line))
        if not (earlier and self._standing > _MANY_STANDING):
            note = " (unchanged)" if earlier else ""
            points = f"{verdict.points} of {verdict.max_points}"
            self._say(f"graded  {verdict.learner}  {verdict.assignment}  {points}  {in_words(verdict)}{note}")
        if not earlier:
            self._done += 1
            self._bar.update(self._job, completed=self._done)
            self._tell_now_and_then()

    def entering(self, count: int) -> None:
        """Tell of the gradebook only where somebody watches, and at the end, when nothing else happens."""
        if self._done >= self._total and count:
            self._bar.update(self._job, description="entering into the gradebook")

    def _tell_now_and_then(self) -> None:
        """Where there is no bar, say how far it is."""
        now = self._clock()
        if self._console.is_terminal or now - self._told < TELL_SECONDS or self._done >= self._total:
            return
        self._told = now
        left = (now - self._began) / self._done * (self._total - self._done)
        self._say(f"so far  {self._done} of {self._total}, about {in_time(left)} left")

    def _say(self, line: str) -> None:
        self._bar.console.print(line, soft_wrap=True, markup=False)


def in_time(seconds: float) -> str:
    """A span of time as a person would say it, rounded up."""
    minute, hour = 60, 3600
    if seconds < minute:
        return f"{max(1, round(seconds))} s"
    if seconds < hour:
        return f"{-int(-seconds // minute)} min"
    return f"{int(seconds // hour)} h {-int(-(seconds % hour) // minute)} min"
