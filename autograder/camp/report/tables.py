"""The class as tables: CSV with a row a task, a question or a task of the course, and one to be printed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from camp.cells import Cell, csv_text
from camp.verdict import Outcome, Verdict, in_words, read_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camp.course import Course
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


def grades_csv(all_verdicts: list[Verdict]) -> str:
    """The class as CSV, one row a task; for programs, so names stand as they are."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for verdict in all_verdicts:
        for task in verdict.tasks:
            row = (verdict.learner, verdict.assignment, task.task, task.points, task.max_points, task.status)
            rows.writerow(row)
    return text.getvalue()


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


def class_table(all_verdicts: list[Verdict]) -> Table:
    """The class in the terminal: learner, assignment, points, verdict."""
    table = Table(title="The class", title_justify="left")
    for column in ("learner", "assignment"):
        table.add_column(column)
    table.add_column("points", justify="right")
    table.add_column("verdict")
    for verdict in all_verdicts:
        style = _STYLE.get(verdict.outcome, "red")
        points = f"{verdict.points} of {verdict.max_points}"
        table.add_row(
            escape(verdict.learner), verdict.assignment, points, f"[{style}]{escape(in_words(verdict))}[/]"
        )
    return table
