"""What counts in the end, as the gradebook holds it: by machine and by hand, less what being late costs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nbgrader.api import Assignment, BaseCell, Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import func, or_, select

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nbgrader.api import Gradebook

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


@dataclass(frozen=True)
class Graded:
    """One learner's grade in one assignment."""

    score: float
    """By machine and by hand, less the penalty, never below 0."""
    penalty: float = 0.0
    """Points that were taken off for being late."""
    submitted: datetime | None = None
    """When it came, in UTC without a zone, as nbgrader stores it."""
    due: datetime | None = None
    """When it was due for this learner, likewise; None where no deadline is known."""
    extension: timedelta = timedelta()
    """How much longer this learner had than the others."""
    to_grade: tuple[str, ...] = ()
    """The grade ids that a person still has to grade."""
    by_hand: Mapping[str, float] = field(default_factory=dict)
    """The points that a person gave, extra credit included, by grade id."""

    @property
    def final(self) -> float | None:
        """The score as it is handed over; None while a person still has to grade."""
        return None if self.to_grade else round(self.score, 2)

    @property
    def late(self) -> timedelta:
        """How late it came; zero if in time, or if nothing is known."""
        if self.submitted is None or self.due is None:
            return timedelta()
        return max(timedelta(), self.submitted - self.due)


def grades(book: Gradebook, assignment: str) -> dict[str, Graded]:
    """The grades of one assignment, by learner, read in four queries.

    Raises:
        SQLAlchemyError: the database refused.
    """
    of_notebook = SubmittedNotebook.assignment_id == SubmittedAssignment.id
    of_grade = Grade.notebook_id == SubmittedNotebook.id
    here = SubmittedAssignment.assignment_id == Assignment.id, Assignment.name == assignment
    learner = SubmittedAssignment.student_id
    waiting: dict[str, list[str]] = {}
    by_hand = select(learner, BaseCell.name).where(
        *here, of_notebook, of_grade, BaseCell.id == Grade.cell_id, Grade.needs_manual_grade
    )
    for name, cell in book.db.execute(by_hand.order_by(BaseCell.name)):
        waiting.setdefault(name, []).append(cell)
    given: dict[str, dict[str, float]] = {}
    decided = select(learner, BaseCell.name, Grade.score).where(
        *here,
        of_notebook,
        of_grade,
        BaseCell.id == Grade.cell_id,
        or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None)),
    )
    for name, cell, score in book.db.execute(decided):
        given.setdefault(name, {})[cell] = float(score)
    earned = select(learner, func.sum(Grade.score)).where(*here, of_notebook, of_grade).group_by(learner)
    points = {name: float(total or 0) for name, total in book.db.execute(earned)}
    columns = (learner, SubmittedAssignment.timestamp, SubmittedAssignment.extension, Assignment.duedate)
    entries = select(*columns, func.sum(SubmittedNotebook.late_submission_penalty)).where(*here, of_notebook)
    return {
        name: replace(
            _graded(points.get(name, 0.0), float(off or 0), when, due, more, tuple(waiting.get(name, ()))),
            by_hand=given.get(name, {}),
        )
        for name, when, more, due, off in book.db.execute(entries.group_by(*columns))
    }


def _graded(  # noqa: PLR0913, PLR0917 - a row of the database
    points: float,
    off: float,
    submitted: datetime | None,
    due: datetime | None,
    extension: timedelta | None,
    to_grade: tuple[str, ...],
) -> Graded:
    more = extension or timedelta()
    return Graded(
        score=max(0.0, points - off),
        penalty=round(off, 2),
        submitted=submitted,
        due=due + more if due else None,
        extension=more,
        to_grade=to_grade,
    )


def in_words(span: timedelta) -> str:
    """A span of time in its largest two units, such as "1 day 3 hours"; empty for none."""
    left, parts = int(span.total_seconds()), []
    for name, seconds in _UNITS:
        number, left = divmod(left, seconds)
        if number:
            parts.append(f"{number} {name}{'s' if number > 1 else ''}")
    return " ".join(parts[:2]) or ("under a minute" if span > timedelta() else "")
