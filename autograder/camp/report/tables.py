"""The class as tables: CSV with a row a task, a question or a task of the course, and one to be printed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from camp.cells import Cell, csv_text
from camp.editions import check_id
from camp.verdict import Outcome, Verdict, in_words, read_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from camp.course import Course
    from camp.graded import Graded
    from camp.paths import Layout
    from camp.report.items import Item

COLUMNS = ("learner", "assignment", "task", "points", "max_points", "status")
QUESTION_COLUMNS = (
    "learner",
    "task",
    "check",
    "title",
    "points",
    "max_points",
    "status",
    "message",
    "expected",
    "device_ms",
)
TASK_COLUMNS = (
    "assignment",
    "task",
    "title",
    "max_points",
    "attempted",
    "solved",
    "n",
    "facility",
    "discrimination",
    "estimate_minutes",
    "median_minutes",
    "timed",
    "device_ms",
)
BY_HAND = "graded by hand"
"""The status of a task whose points a person gave."""
LATE_PENALTY = "late_penalty"
"""In the place of a task: what being late costs."""
_STYLE = {
    Outcome.FULL: "green",
    Outcome.PARTIAL: "yellow",
    Outcome.NONE: "yellow",
    Outcome.BLANK: "dim",
}


def verdicts(layout: Layout, course: Course) -> list[Verdict]:
    """All stored verdicts, by assignment and learner."""
    paths = [p for a in course.assignment for p in sorted((layout.results / a.id).glob("*.json"))]
    return [verdict for path in paths if (verdict := read_verdict(path))]


def grades_csv(
    all_verdicts: list[Verdict],
    grades: Mapping[str, Mapping[str, Graded]] | None = None,
    counts: Callable[[str, str], str] = lambda _, learner: learner,
) -> str:
    """The class as CSV, one row a task; for programs, so names stand as they are.

    A learner's rows add up to what counts: points that a person gave take the place of the verdict's, and
    what being late costs is a row of its own, `late_penalty`, with points below 0.

    Args:
        all_verdicts: what was graded, by assignment and learner.
        grades: what the gradebook says beyond the verdicts, by assignment and learner.
        counts: names whose submission counts for a learner in an assignment, who may hand in in a group.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    known = {(v.assignment, v.learner): v for v in all_verdicts}
    learners: dict[str, list[str]] = {}
    for assignment, learner in known:
        learners.setdefault(assignment, []).append(learner)
    for assignment, there in learners.items():
        graded = (grades or {}).get(assignment, {})
        for learner in there + sorted(graded.keys() - set(there)):
            verdict = known.get((assignment, counts(assignment, learner)))
            if verdict is not None:
                rows.writerows(_graded_rows(learner, verdict, graded.get(learner)))
    return text.getvalue()


def _graded_rows(learner: str, verdict: Verdict, graded: Graded | None) -> Iterator[tuple[Cell, ...]]:
    by_hand = graded.by_hand if graded else {}
    for task in verdict.tasks:
        points: float = task.points
        status = str(task.status)
        for grade_id in (task.task, check_id(task.task)):
            if grade_id in by_hand:
                points, status = by_hand[grade_id], BY_HAND
        yield learner, verdict.assignment, task.task, _number(points), task.max_points, status
    if graded and graded.penalty:
        yield learner, verdict.assignment, LATE_PENALTY, _number(-graded.penalty), 0, "late"


def _number(points: float) -> Cell:
    return int(points) if points == int(points) else round(points, 2)


def questions_csv(here: list[Verdict]) -> str:
    """One assignment as CSV, a row for each hidden check of each learner; to be opened in a spreadsheet."""
    return csv_text(QUESTION_COLUMNS, (row for verdict in here for row in _questions(verdict)), bom=True)


def _questions(verdict: Verdict) -> Iterator[tuple[Cell, ...]]:
    for task in verdict.tasks:
        who = (verdict.learner, task.task)
        for c in task.checks:
            points = (c.name, c.title, c.points, c.max_points, str(c.status))
            yield (*who, *points, c.message, c.expected, _figure(c.device_ms))
        if not task.checks:
            points = ("", task.title, task.points, task.max_points, str(task.status))
            yield (*who, *points, task.message, "", None)


def tasks_csv(items: list[tuple[str, Item]]) -> str:
    """The tasks of the course as CSV, with how the class did on each; what was not computed stays empty.

    Args:
        items: the tasks, each with its assignment's id.
    """
    rows = (
        (
            assignment,
            item.task.id,
            item.task.title,
            item.max_points,
            item.tried,
            item.solved,
            item.n,
            _figure(item.facility),
            _figure(item.discrimination),
            item.task.minutes,
            _figure(item.minutes),
            item.timed,
            _figure(item.device_ms),
        )
        for assignment, item in items
    )
    return csv_text(TASK_COLUMNS, rows, bom=True)


def _figure(value: float | None) -> Cell:
    return None if value is None else round(value, 3)


def class_table(
    all_verdicts: list[Verdict], grades: Mapping[str, Mapping[str, Graded]] | None = None
) -> Table:
    """The class in the terminal: learner, assignment, points, verdict.

    Args:
        all_verdicts: the rows.
        grades: what counts, by assignment and learner; told where it differs from the verdict's points.
    """
    table = Table(title="The class", title_justify="left")
    for column in ("learner", "assignment"):
        table.add_column(column)
    table.add_column("points", justify="right")
    table.add_column("verdict")
    for verdict in all_verdicts:
        style = _STYLE.get(verdict.outcome, "red")
        points = f"{verdict.points} of {verdict.max_points}"
        counted = (grades or {}).get(verdict.assignment, {}).get(verdict.learner)
        if counted is not None and round(counted.score, 2) != verdict.points:
            points = f"{counted.score:.4g} (by machine {points})"
        table.add_row(
            escape(verdict.learner), verdict.assignment, points, f"[{style}]{escape(in_words(verdict))}[/]"
        )
    return table
