"""A class: its submissions graded by several processes, entered into the gradebook by one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camp.course import Course, load_course
from camp.errors import CampError, GradebookError
from camp.exercise import Exercise, load_exercise
from camp.grade import grade, without_points
from camp.gradebook import GradebookDoor, standing_verdict, verdict_path
from camp.intake import take_in
from camp.paths import Layout, write_text
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
