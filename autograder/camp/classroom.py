"""A class: its submissions collected, graded by several processes, entered into the gradebook by one."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat

from camp.answers import fill_in, read_answers
from camp.course import Course, load_course
from camp.errors import CampError, GradebookError, SubmissionsError
from camp.exercise import Exercise, load_exercise
from camp.grade import grade, without_points
from camp.gradebook import GradebookDoor, standing_verdict, verdict_path
from camp.intake import MAX_BYTES, take_in
from camp.paths import Layout, make_folder, write_text
from camp.release import release
from camp.verdict import Status, Verdict
from camp.workers import WorkerLostError, in_workers

if TYPE_CHECKING:
    from pathlib import Path

MAX_TROUBLES = 3
"""After so many, the gradebook is left alone; verdicts are written all the same."""

Progress = Callable[[Verdict, bool], None]
"""Called for each verdict, with whether it was taken from an earlier run."""


@dataclass(frozen=True)
class Submission:
    """One learner's file for one assignment, as collected."""

    assignment: str
    learner: str
    path: Path


def write_example_class(layout: Layout, course: Course) -> Path:
    """Make notebooks of the bundled class as its learners would have saved them; return their folder.

    A file of answers becomes the learner's edition with those answers; any other file is taken as it is.
    """
    target = layout.build / "example_class"
    for assignment in course.assignment:
        exercise = load_exercise(course, assignment.id)
        for learner in sorted(p for p in layout.example_class.iterdir() if p.is_dir()):
            made = target / learner.name / assignment.id / f"{assignment.notebook}.ipynb"
            answers, as_is = learner / f"{assignment.id}.py", learner / f"{assignment.id}.ipynb"
            if answers.is_file():
                notebook = fill_in(exercise, read_answers(answers, exercise).cells)
                write_text(made, nbformat.writes(notebook) + "\n")
            elif as_is.is_file():
                make_folder(made.parent)
                shutil.copyfile(as_is, made)
    return target


def collect(layout: Layout, course: Course, source: Path, assignments: list[str]) -> None:
    """Copy submissions into nbgrader's `submitted/`, byte for byte.

    Looked for are `<learner>/<assignment>/<notebook>.ipynb`, `<learner>/<assignment>.ipynb` and
    `<learner>/<notebook>.ipynb`.

    Raises:
        SubmissionsError: the folder is missing or holds no submission; nothing was changed.
    """
    found = []
    for learner in _learners(source):
        for name in assignments:
            notebook = course.find(name).notebook
            places = (
                learner / name / f"{notebook}.ipynb",
                learner / f"{name}.ipynb",
                learner / f"{notebook}.ipynb",
            )
            links = (p for p in (learner, learner / name) if p.is_symlink())  # refused, never followed
            submitted = next((p for p in (*links, *places) if p.is_symlink() or p.exists()), None)
            if submitted is not None:
                found.append(
                    (submitted, layout.course / "submitted" / learner.name / name / f"{notebook}.ipynb")
                )
    if not found:
        raise SubmissionsError(
            f"{source} holds no submission of {', '.join(assignments)}; "
            "expected <learner>/<assignment>/<notebook>.ipynb"
        )
    for submitted, target in found:
        make_folder(target.parent)
        _copy(submitted, target)


def _learners(source: Path) -> list[Path]:
    """The folders of learners, by name.

    Raises:
        SubmissionsError: there is no such folder, or a name in it that no file of ours could bear.
    """
    if not source.is_dir():
        raise SubmissionsError(f"{source} is no folder; give one that holds a folder per learner")
    found = sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith("."))
    for learner in found:
        if not learner.name.isprintable():
            raise SubmissionsError(f"the folder {learner.name!r} has a name that cannot be shown; rename it")
    return found


def _copy(source: Path, target: Path) -> None:
    """Copy what was submitted without following links or reading more than intake would."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir()
    else:
        with source.open("rb") as incoming:
            target.write_bytes(incoming.read(MAX_BYTES + 1))


def submissions(layout: Layout, course: Course, assignments: list[str]) -> list[Submission]:
    """All that lies in nbgrader's `submitted/`, by assignment and learner."""
    folder = layout.course / "submitted"
    return [
        Submission(name, learner.name, learner / name / f"{course.find(name).notebook}.ipynb")
        for name in assignments
        for learner in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if (learner / name).is_dir()
    ]


def grade_class(
    layout: Layout, course: Course, todo: list[Submission], workers: int, progress: Progress
) -> None:
    """Give every submission its verdict, then enter the new ones into the gradebook and write feedback.

    Verdicts are written as they come, so a run that is broken off loses none; what did not change since
    an earlier run is not graded again. Trouble with one submission, or with the gradebook, does not keep
    the others from being graded.

    Raises:
        CampError: there was trouble; the first of it, and how much more.
    """
    exercises = {name: load_exercise(course, name) for name in dict.fromkeys(s.assignment for s in todo)}
    office = _Office(layout, exercises)
    fresh = []
    for submission in todo:
        earlier = _standing(layout, submission, exercises[submission.assignment])
        if earlier is None:
            fresh.append(submission)
            continue
        office.enter(earlier)
        progress(earlier, True)  # noqa: FBT003
    for submission, result in in_workers(functools.partial(_grade_one, course.folder), fresh, workers):
        verdict = _killed(submission, exercises) if isinstance(result, WorkerLostError) else result
        if isinstance(verdict, CampError):
            office.troubles.append(verdict)
            continue
        write_text(verdict_path(layout, verdict.assignment, verdict.learner), verdict.to_json())
        office.enter(verdict)
        progress(verdict, False)  # noqa: FBT003
    office.close()


class _Office:
    """Enters verdicts into the gradebook, one after the other, and collects the troubles on the way."""

    def __init__(self, layout: Layout, exercises: dict[str, Exercise]) -> None:
        self.troubles: list[CampError] = []
        self._exercises = exercises
        self._door = GradebookDoor(layout)
        self._open = True
        try:
            for exercise in exercises.values():
                release(layout, exercise, self._door)
        except GradebookError as error:
            self.troubles.append(error)
            self._open = False

    def enter(self, verdict: Verdict) -> None:
        """Enter a verdict and write its feedback, unless they are there, or the gradebook cannot be had."""
        if not self._open:
            return
        try:
            if not self._door.holds(self._exercises[verdict.assignment], verdict):
                self._door.enter(verdict)
        except GradebookError as error:
            self.troubles.append(error)
            self._open = len(self.troubles) < MAX_TROUBLES

    def close(self) -> None:
        """Raise the first trouble, if there was any."""
        if self.troubles:
            first, more = self.troubles[0], len(self.troubles) - 1
            raise type(first)(str(first) + (f" (and {more} more like it)" if more else ""))


def _standing(layout: Layout, submission: Submission, exercise: Exercise) -> Verdict | None:
    digest = take_in(submission.path, exercise).digest
    return standing_verdict(verdict_path(layout, submission.assignment, submission.learner), digest, exercise)


def _grade_one(exercises: Path, submission: Submission) -> Verdict:
    exercise = load_exercise(load_course(exercises), submission.assignment)
    return grade(take_in(submission.path, exercise), exercise, submission.learner)


def _killed(submission: Submission, exercises: dict[str, Exercise]) -> Verdict:
    """The verdict on a submission that ended the very process which graded it."""
    exercise = exercises[submission.assignment]
    message = "your code ended the process that graded it"
    return without_points(
        take_in(submission.path, exercise), exercise, submission.learner, Status.KILLED, message
    )
