"""One submission to be graded, as data: the same job for a process of this machine and for one far away."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camp.course import load_course
from camp.editions import keep_edition
from camp.errors import CampError
from camp.exercise import Exercise, load_exercise
from camp.fingerprint import hashes
from camp.grade import grade
from camp.intake import Submitted, take_in_submitted
from camp.warm import usable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from camp.verdict import Hashes


class OtherVersionError(CampError):
    """A worker would grade with another exercise, grader or simulated device than this machine has."""


@dataclass(frozen=True)
class Job:
    """What a verdict is made of. Two jobs with one key have the same verdict.

    Attributes:
        assignment: the exercise's id.
        learner: whose submission it is; chooses, with the course's seed, the values of hidden checks.
        submitted: the bytes.
        hashes: what the verdict will depend on, as this machine has it.
    """

    assignment: str
    learner: str
    submitted: Submitted
    hashes: Hashes

    @property
    def key(self) -> str:
        """A name for this very work: a digest over submission, exercise with its seed, grader, device."""
        parts = [self.assignment, self.learner, *self.hashes.model_dump().values()]
        return f"grade-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"


def run_job(exercises: Path, job: Job, editions: Mapping[str, bytes] | None = None) -> str:
    """Grade one submission and return its verdict as JSON.

    Args:
        exercises: the folder with `camp.toml` and the exercise.
        job: what is to be graded.
        editions: what `camp.editions.packed_edition` made of exercises, by their digests, if it is known.

    Raises:
        KernelStartError: this machine cannot start a kernel.
    """
    exercise = _exercise(exercises, job.assignment, job.hashes.exercise)
    if editions and job.hashes.exercise in editions:
        keep_edition(exercise, editions[job.hashes.exercise])
    return grade(take_in_submitted(job.submitted, exercise), exercise, job.learner).to_json()


def run_same_job(exercises: Path, job: Job) -> str:
    """Grade one submission, if that gives the verdict which the sender would have given.

    Raises:
        OtherVersionError: here is not what the job was made for.
        KernelStartError: this machine cannot start a kernel.
    """
    here = hashes(job.submitted.digest, _exercise(exercises, job.assignment, job.hashes.exercise))
    if here != job.hashes:
        other = [name for name, value in here.model_dump().items() if value != getattr(job.hashes, name)]
        raise OtherVersionError(
            f"a worker has another {' and another '.join(other)} than this machine; "
            "give both the same checkout and the same requirements.txt, then grade again"
        )
    return run_job(exercises, job)


def prepare() -> None:
    """Make ready what every job needs and takes long: the process that kernels are forked from."""
    usable()


@functools.lru_cache(maxsize=8)
def _exercise(exercises: Path, assignment: str, _digest: str) -> Exercise:
    """The exercise, read once for all the jobs that ask for this state of it."""
    return load_exercise(load_course(exercises), assignment)
