"""A class: its submissions collected, graded by several processes, entered into the gradebook by one."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat

from camp.answers import fill_in, read_answers
from camp.course import Course, load_course
from camp.errors import SubmissionsError
from camp.exercise import Exercise, load_exercise
from camp.grade import grade
from camp.gradebook import GradebookDoor, standing_verdict, verdict_path
from camp.intake import MAX_BYTES, take_in
from camp.paths import Layout, make_folder, write_text
from camp.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

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
    if not source.is_dir():
        raise SubmissionsError(f"{source} is no folder; give one that holds a folder per learner")
    found = []
    for learner in sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for name in assignments:
            notebook = course.find(name).notebook
            places = (
                learner / name / f"{notebook}.ipynb",
                learner / f"{name}.ipynb",
                learner / f"{notebook}.ipynb",
            )
            submitted = next((p for p in places if p.is_symlink() or p.exists()), None)
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
    an earlier run is not graded again.
    """
    door = GradebookDoor(layout)
    exercises = {name: load_exercise(course, name) for name in {s.assignment for s in todo}}
    entered = {name: door.scores(name) for name in exercises}
    fresh = []
    for submission in todo:
        exercise = exercises[submission.assignment]
        verdict = _standing(layout, submission, exercise)
        if verdict is None:
            fresh.append(submission)
            continue
        known = submission.learner in entered[submission.assignment]
        if not known or not feedback_page(layout, exercise, submission.learner).is_file():
            _enter(door, verdict)
        progress(verdict, True)  # noqa: FBT003
    for verdict in _graded(course, fresh, workers):
        write_text(verdict_path(layout, verdict.assignment, verdict.learner), verdict.to_json())
        _enter(door, verdict)
        progress(verdict, False)  # noqa: FBT003


def feedback_page(layout: Layout, exercise: Exercise, learner: str) -> Path:
    """Where nbgrader writes a learner's feedback."""
    return layout.course / "feedback" / learner / exercise.id / f"{exercise.assignment.notebook}.html"


def _standing(layout: Layout, submission: Submission, exercise: Exercise) -> Verdict | None:
    digest = take_in(submission.path, exercise).digest
    return standing_verdict(verdict_path(layout, submission.assignment, submission.learner), digest, exercise)


def _enter(door: GradebookDoor, verdict: Verdict) -> None:
    door.autograde(verdict.assignment, verdict.learner)
    door.feedback(verdict.assignment, verdict.learner)


def _graded(course: Course, todo: list[Submission], workers: int) -> Iterator[Verdict]:
    """Grade in worker processes; yield verdicts as they are ready."""
    if not todo:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=min(workers, len(todo)), mp_context=context) as pool:
        jobs = [pool.submit(_grade_one, course.folder, submission) for submission in todo]
        for job in as_completed(jobs):
            yield job.result()


def _grade_one(exercises: Path, submission: Submission) -> Verdict:
    exercise = load_exercise(load_course(exercises), submission.assignment)
    return grade(take_in(submission.path, exercise), exercise, submission.learner)
