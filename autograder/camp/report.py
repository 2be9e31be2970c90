"""The class report: one row a task as CSV, one HTML page with plots, and a table for the terminal."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2
from rich.markup import escape
from rich.table import Table

from camp.exercise import Exercise, load_exercise
from camp.gradebook import feedback_page
from camp.paths import Layout, write_text
from camp.verdict import Outcome, Status, Verdict, in_words, read_verdict

if TYPE_CHECKING:
    from camp.course import Course, Task

COLUMNS = ("learner", "assignment", "task", "points", "max_points", "status")
_STYLE = {
    Outcome.FULL: "green",
    Outcome.PARTIAL: "yellow",
    Outcome.NONE: "yellow",
    Outcome.BLANK: "dim",
    Outcome.TIMED_OUT: "red",
    Outcome.REFUSED: "red",
}


@dataclass(frozen=True)
class TaskSummary:
    """How the class did on one task."""

    title: str
    solved: int
    tried: int
    learners: int
    messages: list[tuple[str, int]]
    """What learners were told most, with how often."""


def verdicts(layout: Layout, course: Course) -> list[Verdict]:
    """All stored verdicts, by assignment and learner."""
    paths = [p for a in course.assignment for p in sorted((layout.results / a.id).glob("*.json"))]
    return [verdict for path in paths if (verdict := read_verdict(path))]


def grades_csv(all_verdicts: list[Verdict]) -> str:
    """The class as CSV, one row a task."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for verdict in all_verdicts:
        for task in verdict.tasks:
            row = (verdict.learner, verdict.assignment, task.task, task.points, task.max_points, task.status)
            rows.writerow(row)
    return text.getvalue()


def class_table(all_verdicts: list[Verdict]) -> Table:
    """The class in the terminal: learner, assignment, points, verdict."""
    table = Table(title="The class", title_justify="left")
    for column in ("learner", "assignment"):
        table.add_column(column)
    table.add_column("points", justify="right")
    table.add_column("verdict")
    for verdict in all_verdicts:
        style = _STYLE[verdict.outcome]
        points = f"{verdict.points} of {verdict.max_points}"
        table.add_row(
            escape(verdict.learner), verdict.assignment, points, f"[{style}]{escape(in_words(verdict))}[/]"
        )
    return table


def write_report(layout: Layout, course: Course, all_verdicts: list[Verdict]) -> Path:
    """Write `grades.csv` and `index.html`; return the page's path."""
    write_text(layout.report / "grades.csv", grades_csv(all_verdicts))
    sections = []
    for assignment in course.assignment:
        here = [v for v in all_verdicts if v.assignment == assignment.id]
        if here:
            sections.append(_section(layout, load_exercise(course, assignment.id), here))
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        resources.files("camp").joinpath("templates/report.html").read_text(encoding="utf-8")
    )
    page = layout.report / "index.html"
    write_text(page, template.render(course=course.course, sections=sections))
    return page


def _section(layout: Layout, exercise: Exercise, here: list[Verdict]) -> dict[str, object]:
    tasks = [_summary(here, task) for task in exercise.assignment.task]
    pages = {v.learner: feedback_page(layout, exercise, v.learner) for v in here}
    links = {
        name: quote(Path(os.path.relpath(page, layout.report)).as_posix()) for name, page in pages.items()
    }
    return {
        "assignment": exercise.assignment,
        "verdicts": here,
        "words": {v.learner: in_words(v) for v in here},
        "links": links,
        "tasks": tasks,
        "faults": _most_frequent(tasks),
        "plot": _plot(here, tasks),
    }


def _summary(here: list[Verdict], task: Task) -> TaskSummary:
    results = [result for verdict in here for result in verdict.tasks if result.task == task.id]
    told = Counter(c.title for r in results for c in r.checks if c.status is not Status.PASSED)
    return TaskSummary(
        title=task.title,
        solved=sum(r.status is Status.PASSED for r in results),
        tried=sum(r.status not in {Status.NOT_ATTEMPTED, Status.REFUSED} for r in results),
        learners=len(results),
        messages=told.most_common(3),
    )


def _most_frequent(tasks: list[TaskSummary]) -> list[tuple[str, str, int]]:
    """Task, check and count of what failed most, over all tasks."""
    faults = [(task.title, message, count) for task in tasks for message, count in task.messages]
    return sorted(faults, key=lambda fault: -fault[2])[:10]


def _plot(here: list[Verdict], tasks: list[TaskSummary]) -> str:
    """Points of the class, and tasks by how many solved them, as one SVG that follows the page's colours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + 0.42 * max(len(tasks), 5)), layout="constrained")
    left, right = figure.subplots(1, 2)
    most = here[0].max_points
    left.hist([v.points for v in here], bins=range(0, most + 2, max(1, most // 10)), color="#2f7fd0")
    left.set(xlabel=f"points of {most}", ylabel="learners", title="Points")
    left.yaxis.get_major_locator().set_params(integer=True)
    names = [task.title for task in reversed(tasks)]
    right.barh(names, [task.tried for task in reversed(tasks)], color="#c9d6e4", label="tried")
    right.barh(names, [task.solved for task in reversed(tasks)], color="#2f7fd0", label="solved")
    right.set(xlabel="learners", xlim=(0, len(here)), title="Tasks")
    right.xaxis.get_major_locator().set_params(integer=True)
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    # Without a date and with a fixed salt the same class gives the same bytes.
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "cann-camp", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("#000000", "currentColor")
