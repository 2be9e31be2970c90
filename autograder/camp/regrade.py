"""Grading again what was graded before: who gains or loses points, by how much and why, before it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camp.classroom import Office, Submission, alone, submissions, verdicts
from camp.errors import CampError, SubmissionsError
from camp.exercise import load_exercise
from camp.records import verdict_path
from camp.verdict import CheckResult, Status, TaskResult, Verdict, read_verdict

if TYPE_CHECKING:
    from rich.table import Table

    from camp.classroom import Means, Watch
    from camp.course import Course
    from camp.paths import Layout

__all__ = ["Change", "Changes", "Wanted", "alone", "grade_again", "graded", "in_words", "table", "write"]

_MESSAGE_CHARS = 160


class UnknownLearnerError(CampError):
    """Nobody of that name has handed in."""


class UnknownTaskError(CampError):
    """No task of that name is in the assignments."""


@dataclass(frozen=True)
class Wanted:
    """What is to be graded again.

    Attributes:
        assignments: the exercises' ids.
        learners: only theirs; empty for all.
        tasks: only submissions in which one of these tasks' results changes; empty for all.
    """

    assignments: list[str]
    learners: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One task of one learner whose result is another now."""

    assignment: str
    learner: str
    task: str
    before: int
    after: int
    old: str
    """The old status, or empty where there was no verdict."""
    new: str
    why: str
    """The message that goes with the new result, or with the old one where the new one is right."""


@dataclass
class Changes:
    """What grading again came to."""

    count: int = 0
    """Submissions graded again."""
    found: list[Change] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    """The new verdicts that differ from the stored ones, if only in what they depend on."""
    troubles: list[CampError] = field(default_factory=list)

    @property
    def points(self) -> list[Change]:
        """The changes that move points."""
        return [change for change in self.found if change.before != change.after]

    def raise_troubles(self) -> None:
        """Raise the first trouble, if there was any.

        Raises:
            CampError: what kept submissions from being graded again; their verdicts are as they were.
        """
        if self.troubles:
            first, more = self.troubles[0], len(self.troubles) - 1
            raise type(first)(str(first) + (f" (and {more} more like it)" if more else ""))


def graded(layout: Layout, course: Course, wanted: Wanted) -> list[Submission]:
    """The submissions that are to be graded again.

    Raises:
        SubmissionsError: nothing was handed in.
        UnknownLearnerError, UnknownTaskError: a filter that nothing can pass.
    """
    todo = submissions(layout, course, wanted.assignments)
    if not todo:
        raise SubmissionsError("nothing is submitted yet; run camp grade first")
    here = {submission.learner for submission in todo}
    if strange := sorted(set(wanted.learners) - here):
        raise UnknownLearnerError(f"{strange[0]!r} handed in nothing of {', '.join(wanted.assignments)}")
    known = {task.id for name in wanted.assignments for task in course.find(name).task}
    if unknown := sorted(set(wanted.tasks) - known):
        raise UnknownTaskError(f"no task is called {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return [s for s in todo if not wanted.learners or s.learner in wanted.learners]


def grade_again(layout: Layout, course: Course, wanted: Wanted, means: Means, watch: Watch) -> Changes:
    """Grade submissions anew, and compare; no verdict, no entry and no page is written.

    Raises:
        CampError: as `graded` does.
    """
    todo = graded(layout, course, wanted)
    exercises = {name: load_exercise(course, name) for name in dict.fromkeys(s.assignment for s in todo)}
    changes = Changes()
    watch.begins(len(todo), 0)
    for submission, new in verdicts(course, exercises, todo, means, changes.troubles):
        changes.count += 1
        watch.verdict(new, earlier=False)
        old = read_verdict(verdict_path(layout, submission.assignment, submission.learner))
        found = _compare(old, new)
        if wanted.tasks and not any(change.task in wanted.tasks for change in found):
            continue
        changes.found += found
        if old != new:
            changes.verdicts.append(new)
    changes.found.sort(key=lambda c: (c.assignment, c.learner))
    changes.verdicts.sort(key=lambda v: (v.assignment, v.learner))
    return changes


def write(layout: Layout, course: Course, changes: Changes, watch: Watch) -> None:
    """Let the new verdicts take the old ones' places, and enter them; points given by hand stay.

    Raises:
        CampError: there was trouble; the first of it, and how much more.
    """
    names = dict.fromkeys(verdict.assignment for verdict in changes.verdicts)
    office = Office(layout, {name: load_exercise(course, name) for name in names})
    for verdict in changes.verdicts:
        office.store(verdict)
    office.close(watch)


def _compare(old: Verdict | None, new: Verdict) -> list[Change]:
    """The tasks whose points or status differ, and those that are there in one verdict only."""
    before = {task.task: task for task in old.tasks} if old else {}
    after = {task.task: task for task in new.tasks}
    changes = []
    for name in {**after, **before}:
        was, now = before.get(name), after.get(name)
        if was and now and (was.points, was.status) == (now.points, now.status):
            continue
        changes.append(
            Change(
                new.assignment,
                new.learner,
                name,
                was.points if was else 0,
                now.points if now else 0,
                str(was.status) if was else "",
                str(now.status) if now else "",
                _why(was, now),
            )
        )
    return changes


def _why(was: TaskResult | None, now: TaskResult | None) -> str:
    """What explains the change: what fails now, or what failed before."""
    if now is None:
        return "this task is no longer in the exercise"
    if (failing := _failing(now)) is not None:
        return failing
    if was is not None and (failed := _failing(was)) is not None:
        return f"before: {failed}"
    return "this task has other points now" if was else "this task had no verdict before"


def _failing(task: TaskResult) -> str | None:
    """The first thing that a result finds wrong; None if nothing is."""
    checks: list[CheckResult] = [c for c in task.checks if c.status is not Status.PASSED]
    if checks:
        return _short(f"{checks[0].title}: {checks[0].message}" if checks[0].message else checks[0].title)
    return None if task.status is Status.PASSED else _short(task.message or str(task.status))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARS else line[: _MESSAGE_CHARS - 3] + "..."


def table(changes: Changes) -> Table:
    """Whose points change, by how much and why."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False)
    shown.add_column("learner", no_wrap=True)
    shown.add_column("assignment", no_wrap=True)
    shown.add_column("task", no_wrap=True)
    shown.add_column("points", justify="right", no_wrap=True)
    shown.add_column("status")
    shown.add_column("why")
    for change in changes.points:
        moved = f"{change.before} → {change.after} ({change.after - change.before:+d})"
        status = " → ".join(dict.fromkeys(s or "none" for s in (change.old, change.new)))
        cells = (change.learner, change.assignment, change.task, moved, status, change.why)
        shown.add_row(*(Text(cell) for cell in cells))
    return shown


def in_words(changes: Changes, *, written: bool) -> str:
    """The whole of it in one line."""
    learners = {(c.assignment, c.learner) for c in changes.points}
    total = sum(c.after - c.before for c in changes.points)
    what = f"{changes.count} graded again, {len(learners)} with other points ({total:+d} in all)"
    if written:
        return f"{what}; written"
    return f"{what}; nothing was written, camp regrade without --diff does it"
