"""A class: its submissions graded by several processes or machines, entered into the gradebook by one."""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from camp.editions import packed_edition
from camp.errors import CampError, GradebookError, NotWritableError
from camp.exercise import Exercise, load_exercise
from camp.fingerprint import hashes
from camp.grade import without_points
from camp.gradebook import GradebookDoor
from camp.intake import read_submitted, take_in_submitted
from camp.jobs import Job, prepare, run_job
from camp.paths import Layout, make_folder, remove_halves, write_text
from camp.records import standing_verdict, verdict_path
from camp.release import release
from camp.scratch import hold
from camp.standing import load_class, unknown
from camp.verdict import Status, Verdict, read_verdict
from camp.warm import lend
from camp.workers import WorkerLostError, in_workers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from camp.course import Course

ENTERED_AT_ONCE = 50
"""Verdicts that go into the gradebook together."""
_LOCK = ".grading"


class BusyError(CampError):
    """Another process grades this course."""


class Watch(Protocol):
    """Is told how grading goes on."""

    def begins(self, fresh: int, standing: int) -> None:
        """So many submissions are to be graded, so many have a verdict that still stands."""

    def verdict(self, verdict: Verdict, *, earlier: bool) -> None:
        """A submission has its verdict, perhaps from an earlier run."""

    def entering(self, count: int) -> None:
        """So many verdicts are about to be entered into the gradebook."""


@dataclass(frozen=True)
class Means:
    """What grades: processes of this machine, or a Dask scheduler's workers.

    Attributes:
        workers: processes at most.
        scheduler: a Dask scheduler's address; empty for this machine.
    """

    workers: int = 1
    scheduler: str = ""


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


def grade_class(layout: Layout, course: Course, todo: list[Submission], means: Means, watch: Watch) -> None:
    """Give every submission its verdict, enter the new ones into the gradebook and write feedback.

    Verdicts are written as they come, so a run that is broken off loses none; what did not change since
    an earlier run is not graded again. Trouble with one submission, or with the gradebook, does not keep
    the others from being graded.

    Raises:
        BusyError: another process grades this course.
        CampError: there was trouble; the first of it, and how much more.
    """
    rules = load_class(layout, course)
    strangers = set(rules.strangers(s.learner for s in todo))
    exercises = {name: load_exercise(course, name) for name in dict.fromkeys(s.assignment for s in todo)}
    for name in exercises:  # where verdicts cannot be kept, nothing is graded for nothing
        remove_halves(make_folder(layout.results / name))
    with alone(layout):
        office = Office(layout, exercises)
        if strangers:
            office.troubles.append(unknown(layout, strangers))
        known = [s for s in todo if s.learner not in strangers]
        standing = {s: _standing(layout, s, exercises[s.assignment]) for s in known}
        fresh = [submission for submission, verdict in standing.items() if not verdict]
        watch.begins(len(fresh), len(known) - len(fresh))
        for verdict in filter(None, standing.values()):
            office.expect(verdict)
            watch.verdict(verdict, earlier=True)
        del standing
        for _, verdict in verdicts(course, exercises, fresh, means, office.troubles):
            if office.store(verdict):
                watch.verdict(verdict, earlier=False)
                office.enter(watch, at_least=ENTERED_AT_ONCE)
        office.close(watch)


def verdicts(
    course: Course,
    exercises: dict[str, Exercise],
    todo: list[Submission],
    means: Means,
    troubles: list[CampError],
) -> Iterator[tuple[Submission, Verdict]]:
    """Grade submissions, and yield each with its verdict as it comes; nothing is written.

    Args:
        course: the course.
        exercises: its exercises by id; those of the submissions at least.
        todo: what to grade.
        means: what grades.
        troubles: takes the errors that are no learner's fault; their submissions have no verdict.
    """
    known = {(s.assignment, s.learner): s for s in todo}
    jobs = (_job(submission, exercises[submission.assignment]) for submission in todo)
    if not todo:
        return
    with contextlib.closing(_done(course, exercises, jobs, min(means.workers, len(todo)), means)) as done:
        for job, result in done:
            if isinstance(result, WorkerLostError):
                verdict = _killed(job, exercises[job.assignment])
            elif isinstance(result, CampError):
                troubles.append(result)
                continue
            else:
                verdict = Verdict.model_validate_json(result)
            yield known[job.assignment, job.learner], verdict


def _done(
    course: Course, exercises: dict[str, Exercise], jobs: Iterator[Job], workers: int, means: Means
) -> Generator[tuple[Job, str | CampError]]:
    if means.scheduler:
        from camp.distant import in_scheduler

        return in_scheduler(means.scheduler, exercises, jobs)
    lent = lend()  # one process for all workers to fork kernels from, where the machine has a sandbox
    editions = {exercise.digest: packed_edition(exercise) for exercise in exercises.values()}
    run = functools.partial(run_job, course.folder, editions=editions)
    return in_workers(run, jobs, workers, lent.use if lent else prepare)


def _job(submission: Submission, exercise: Exercise) -> Job:
    submitted = read_submitted(submission.path)
    return Job(exercise.id, submission.learner, submitted, hashes(submitted.digest, exercise))


def _standing(layout: Layout, submission: Submission, exercise: Exercise) -> Verdict | None:
    path = verdict_path(layout, submission.assignment, submission.learner)
    return standing_verdict(path, read_submitted(submission.path).digest, exercise)


def _killed(job: Job, exercise: Exercise) -> Verdict:
    """The verdict on a submission that ended the very processes which graded it."""
    message = "your code ended the process that graded it"
    intake = take_in_submitted(job.submitted, exercise)
    return without_points(intake, exercise, job.learner, Status.KILLED, message)


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Keep a second grader out of this course while the first is at work, however that ends.

    Raises:
        BusyError: there is one.
    """
    path = make_folder(layout.build) / _LOCK
    try:
        lock = path.open("a+")
    except OSError as error:
        raise NotWritableError(f"{path} cannot be written ({error.strerror}); check who owns it") from None
    with lock:
        if not hold(lock.fileno()):
            lock.seek(0)
            raise BusyError(
                f"process {lock.read() or 'unknown'} grades this course already; wait for it, or end it: "
                "what it has finished stays"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class Office:
    """Keeps verdicts: as files at once, in the gradebook many at a time; collects the troubles on the way."""

    def __init__(self, layout: Layout, exercises: dict[str, Exercise]) -> None:
        self.troubles: list[CampError] = []
        self._layout = layout
        self._exercises = exercises
        self._unwritten: list[Verdict] = []
        self._waiting: list[tuple[str, str]] = []
        self._door: GradebookDoor | None = GradebookDoor(layout)
        try:
            for exercise in exercises.values():
                release(layout, exercise, self._door)
        except GradebookError as error:
            self._give_up(error)

    def expect(self, verdict: Verdict) -> None:
        """Have a verdict of an earlier run entered, unless the gradebook holds it."""
        try:
            if self._door and not self._door.holds(self._exercises[verdict.assignment], verdict):
                self._waiting.append((verdict.assignment, verdict.learner))
        except GradebookError as error:
            self._give_up(error)

    def store(self, verdict: Verdict) -> bool:
        """Write a verdict where it lies; False if that must wait until there is room."""
        path = verdict_path(self._layout, verdict.assignment, verdict.learner)
        try:
            write_text(path, verdict.to_json(), durable=True)
        except NotWritableError:
            self._unwritten.append(verdict)
            return False
        self._waiting.append((verdict.assignment, verdict.learner))
        return True

    def enter(self, watch: Watch, at_least: int = 1) -> None:
        """Enter what waits, if it is enough; what one learner's entry is kept out by keeps no other out."""
        while self._door and len(self._waiting) >= at_least:
            now, self._waiting = self._waiting[:ENTERED_AT_ONCE], self._waiting[ENTERED_AT_ONCE:]
            watch.entering(len(now))
            found = (read_verdict(verdict_path(self._layout, *which)) for which in now)
            try:
                refused = self._door.enter_all([verdict for verdict in found if verdict])
            except (GradebookError, NotWritableError) as error:
                self._give_up(error)
                return
            self.troubles += refused

    def _give_up(self, error: CampError) -> None:
        """Leave the gradebook alone for this run; the next one enters what waits."""
        self.troubles.append(error)
        self._door = None

    def close(self, watch: Watch) -> None:
        """Make good what had to wait.

        Raises:
            CampError: there was trouble; the first of it, and how much more.
        """
        left, self._unwritten = self._unwritten, []
        for verdict in left:
            if self.store(verdict):
                watch.verdict(verdict, earlier=False)
        self.enter(watch)
        if self._unwritten:
            self.troubles.insert(0, _no_room(self._layout, self._unwritten))
        if self.troubles:
            first, more = self.troubles[0], len(self.troubles) - 1
            raise type(first)(str(first) + (f" (and {more} more like it)" if more else ""))


def _no_room(layout: Layout, unwritten: list[Verdict]) -> NotWritableError:
    first, more = unwritten[0], len(unwritten) - 1
    return NotWritableError(
        f"{verdict_path(layout, first.assignment, first.learner)} cannot be written"
        + (f", nor can {more} more" if more else "")
        + "; make room, then give the same command, which grades only what is missing"
    )
