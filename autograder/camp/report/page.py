"""The class report as one HTML page that asks nothing of any host, with its tables as CSV beside it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2

from camp.exercise import Exercise, load_exercise
from camp.graded import in_words as span_in_words
from camp.paths import Layout, write_text
from camp.records import feedback_page
from camp.report import plots
from camp.report.faults import Fault, faults
from camp.report.items import MIN_LEARNERS, MIN_TIMED, Item, item
from camp.report.tables import grades_csv, questions_csv, tasks_csv
from camp.report.worktime import MAX_GAP_MINUTES, working_minutes
from camp.standing import counting, load_class
from camp.verdict import Outcome, Status, Verdict, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from camp.course import Course
    from camp.graded import Graded
    from camp.standing import ClassRules

MAX_FAULTS = 15
"""Groups of wrong answers that a section shows; the questions' CSV has all."""
MAX_LISTED = 100
"""Rows of the lists of findings and of manual grading."""
FOLDED_FROM = 60
"""A table of so many learners is folded until it is asked for."""
APART_FROM = 3000
"""With so many rows over all assignments, each table of learners becomes a page of its own."""


@dataclass(frozen=True)
class Row:
    """One learner in the table of an assignment."""

    verdict: Verdict
    link: str
    words: str
    cells: list[tuple[str, str]]
    """The style and the text of each task's cell."""
    graded: Graded | None
    """What the gradebook says beyond the verdict, where it is known."""
    late: str
    others: list[str]
    """Who else of a group this submission counts for."""


@dataclass(frozen=True)
class Listed:
    """Something to be looked at, and of whose submission."""

    learner: str
    link: str
    what: str


@dataclass(frozen=True)
class Section:
    """One assignment of the report."""

    exercise: Exercise
    rows: list[Row]
    items: list[Item]
    faults: list[Fault]
    summary: list[tuple[str, str]]
    plots: list[tuple[str, str]]
    """Each plot's words, for those who do not see it, and its SVG."""
    findings: list[Listed]
    to_grade: list[Listed]
    missing: list[str]
    """Who is on the roster and handed in nothing."""
    late: bool
    """Whether anything is known of deadlines, so that the table has their columns."""
    folded: bool
    timed: bool
    """Whether any submission holds recorded times."""
    judged: bool
    """Whether a task is judged by its device time."""


def write_report(
    layout: Layout,
    course: Course,
    all_verdicts: list[Verdict],
    grades: Mapping[str, Mapping[str, Graded]] | None = None,
) -> Path:
    """Write `index.html`, `grades.csv`, `tasks.csv` and `questions/<assignment>.csv`; return the page's path.

    Args:
        layout: the folders of the checkout.
        course: the course.
        all_verdicts: what was graded, by assignment and learner.
        grades: what the gradebook says beyond the verdict (late, penalty, manual grades), by assignment
            and learner; without it the page shows the verdicts alone.

    Raises:
        PolicyError, RosterError: the data of the class are wrong.
    """
    sections = []
    rules = load_class(layout, course)
    apart = len(all_verdicts) >= APART_FROM
    table = grades_csv(all_verdicts, grades, counting(layout, course, rules))
    write_text(layout.report / "grades.csv", table)
    for assignment in course.assignment:
        here = [v for v in all_verdicts if v.assignment == assignment.id]
        if here:
            write_text(layout.report / "questions" / f"{assignment.id}.csv", questions_csv(here))
            exercise = load_exercise(course, assignment.id)
            sections.append(_section(layout, exercise, here, (grades or {}).get(exercise.id, {}), rules))
    write_text(
        layout.report / "tasks.csv", tasks_csv([(s.exercise.id, it) for s in sections for it in s.items])
    )
    page = layout.report / "index.html"
    write_text(page, _render("report.html", course=course.course, sections=sections, apart=apart))
    for section in sections if apart else []:
        write_text(
            layout.report / "learners" / f"{section.exercise.id}.html", _render("learners.html", s=section)
        )
    return page


def _render(template: str, **what: object) -> str:
    folder = resources.files("camp").joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        **what,
        style=folder.joinpath("page.css").read_text(encoding="utf-8"),
        min_learners=MIN_LEARNERS,
        min_timed=MIN_TIMED,
        max_gap=MAX_GAP_MINUTES,
        max_faults=MAX_FAULTS,
        max_listed=MAX_LISTED,
    )


def _section(
    layout: Layout,
    exercise: Exercise,
    here: list[Verdict],
    grades: Mapping[str, Graded],
    rules: ClassRules,
) -> Section:
    tasks = exercise.assignment.task
    minutes = _minutes(layout, exercise, here)
    items = [item(task, exercise.points(task), here, minutes[task.id]) for task in tasks]
    rows = [_row(layout, exercise, verdict, grades.get(verdict.learner), rules) for verdict in here]
    titles = {task.id: task.title for task in tasks}
    return Section(
        exercise=exercise,
        rows=rows,
        items=items,
        faults=faults(here),
        summary=_summary(here),
        plots=_plots(here, exercise, items),
        findings=[Listed(r.verdict.learner, r.link, f) for r in rows for f in r.verdict.findings],
        to_grade=[
            Listed(r.verdict.learner, r.link, _titles(titles, r.graded.to_grade))
            for r in rows
            if r.graded and r.graded.to_grade
        ],
        missing=_missing(here, rows, rules),
        late=any(r.graded and r.graded.due for r in rows),
        folded=len(rows) >= FOLDED_FROM,
        timed=any(it.timed for it in items),
        judged=any(it.device_ms is not None for it in items),
    )


def _minutes(layout: Layout, exercise: Exercise, here: list[Verdict]) -> dict[str, list[float]]:
    """The working times recorded for each task, in minutes."""
    found: dict[str, list[float]] = {task.id: [] for task in exercise.assignment.task}
    for verdict in here:
        folder = layout.course / "submitted" / verdict.learner / exercise.id
        notebook = folder / f"{exercise.assignment.notebook}.ipynb"
        for task_id, minutes in working_minutes(notebook, exercise.assignment.task).items():
            found[task_id].append(minutes)
    return found


def _row(
    layout: Layout, exercise: Exercise, verdict: Verdict, graded: Graded | None, rules: ClassRules
) -> Row:
    page = feedback_page(layout, exercise, verdict.learner)
    results = {result.task: result for result in verdict.tasks}
    return Row(
        verdict=verdict,
        link=quote(Path(os.path.relpath(page, layout.report)).as_posix()),
        words=in_words(verdict),
        cells=[
            _cell(results[task.id].status, results[task.id].points) if task.id in results else ("n", "")
            for task in exercise.assignment.task
        ],
        graded=graded,
        late=_late(graded),
        others=[name for name in rules.members(exercise.id, verdict.learner) if name != verdict.learner],
    )


def _late(graded: Graded | None) -> str:
    """How late it came, how much longer it had, and what that cost."""
    if graded is None or graded.due is None:
        return ""
    parts = [span_in_words(graded.late) or "in time"]
    parts += [f"extended by {span_in_words(graded.extension)}"] if graded.extension else []
    return ", ".join(parts + ([f"{graded.penalty:g} off"] if graded.penalty else []))


def _titles(titles: Mapping[str, str], grade_ids: tuple[str, ...]) -> str:
    """The titles of the tasks that these cells of the gradebook belong to."""
    tasks = [grade_id.removesuffix("_check") for grade_id in grade_ids]
    return ", ".join(dict.fromkeys(titles.get(task, task) for task in tasks))


def _missing(here: list[Verdict], rows: list[Row], rules: ClassRules) -> list[str]:
    """Who is on the roster, and neither handed in nor is in the group of somebody who did."""
    there = {verdict.learner for verdict in here} | {name for row in rows for name in row.others}
    return sorted((rules.roster or {}).keys() - there)


def _cell(status: Status, points: int) -> tuple[str, str]:
    """A task in a table of a thousand rows: as short as it can be told."""
    match status:
        case Status.PASSED:
            return "p", f"{points} ✓"
        case Status.FAILED:
            return "f", f"{points}"
        case Status.NOT_ATTEMPTED:
            return "n", "-"
        case Status.NEEDS_GRADING:
            return "n", "by hand"
        case _:
            return "f", f"{points} {status}"


def _summary(here: list[Verdict]) -> list[tuple[str, str]]:
    points = [verdict.points for verdict in here]
    counts = Counter(verdict.outcome for verdict in here)
    figures = [("submissions", f"{len(here)}"), ("median points", f"{median(points):g}")]
    figures.append(("mean points", f"{mean(points):.1f} of {max(v.max_points for v in here)}"))
    return figures + [(str(o), f"{counts[o]}") for o in Outcome if counts[o]]


def _plots(here: list[Verdict], exercise: Exercise, items: list[Item]) -> list[tuple[str, str]]:
    points = [verdict.points for verdict in here]
    spread = f"from {min(points)} to {max(points)}, median {median(points):g}"
    found = [
        (
            f"How many learners have how many points: {spread} of {exercise.max_points}.",
            plots.points_plot(points, max(exercise.max_points, *points)),
        ),
        (
            "Facility and discrimination of each task; the table below has the figures.",
            plots.tasks_plot(items),
        ),
    ]
    if any(it.minutes is not None for it in items):
        words = "Estimated and recorded minutes of each task; the table below has the figures."
        found.append((words, plots.minutes_plot(items)))
    return found
