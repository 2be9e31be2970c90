"""The verdict on one submission: what was earned, why, and on which bytes. Written as JSON, versioned."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION: Literal[1] = 1


class Status(StrEnum):
    """How a task, or one check of it, ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    KILLED = "killed"
    REFUSED = "refused"
    NOT_ATTEMPTED = "not attempted"
    NEEDS_GRADING = "needs grading"
    """It is graded by hand; what it earned stands in the gradebook, never in a verdict."""


class Outcome(StrEnum):
    """The whole submission in one word or two, for the class table."""

    FULL = "full marks"
    PARTIAL = "partial"
    NONE = "no points"
    BLANK = "blank"
    TIMED_OUT = "timed out"
    REFUSED = "refused"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CheckResult(_Record):
    """One hidden check: its title, what the learner is told, and for the instructor what was expected."""

    name: str
    title: str
    points: int
    max_points: int
    status: Status
    message: str = ""
    expected: str = ""
    """Stands in no feedback: values of hidden checks would be copied into the next answer."""
    device_ms: float | None = None
    """Milliseconds of device time, recomputed by the grader, where the check judges by it."""


class TaskResult(_Record):
    """One task: points, status, and what the learner reads of it.

    Attributes:
        message: what became of the answer; where that ran, of the first check that did not pass.
        output: the (capped) text that the answer printed.
        device_ms: the longest device time, in milliseconds, that one of its checks judges by.
    """

    task: str
    title: str
    points: int
    max_points: int
    status: Status
    message: str = ""
    output: str = ""
    device_ms: float | None = None
    checks: list[CheckResult] = []


class Hashes(_Record):
    """SHA-256 of all that the verdict depends on."""

    submission: str
    exercise: str
    grader: str
    environment: str


class Verdict(_Record):
    """A pure function of submission, exercise and seed: no clock, no machine, no order in it."""

    schema_version: Literal[1] = SCHEMA_VERSION
    assignment: str
    learner: str
    points: int
    max_points: int
    outcome: Outcome
    findings: list[str] = []
    """What was changed or missing in the submitted file, in words for the learner."""
    tasks: list[TaskResult]
    seed: int
    hashes: Hashes

    def to_json(self) -> str:
        """The verdict as it is written to disk."""
        return self.model_dump_json(indent=2) + "\n"


def read_verdict(path: Path) -> Verdict | None:
    """Read a verdict; None when there is none or it was written by another version."""
    try:
        return Verdict.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def outcome(tasks: list[TaskResult]) -> Outcome:
    """Sum up the tasks of a submission; answers that wait for a hand do not spoil full marks."""
    by_machine = [t for t in tasks if t.status is not Status.NEEDS_GRADING]
    points, most = sum(t.points for t in tasks), sum(t.max_points for t in by_machine)
    if all(t.status is Status.REFUSED for t in tasks):
        return Outcome.REFUSED
    if by_machine and points == most:
        return Outcome.FULL
    if all(t.status is Status.NOT_ATTEMPTED for t in tasks):
        return Outcome.BLANK
    if any(t.status is Status.TIMED_OUT for t in tasks):
        return Outcome.TIMED_OUT
    return Outcome.PARTIAL if points else Outcome.NONE


def in_words(verdict: Verdict) -> str:
    """The outcome, with the reason where it is not one of points, and how many answers wait for a person."""
    waiting = sum(task.status is Status.NEEDS_GRADING for task in verdict.tasks)
    return ended(verdict) + (f", {waiting} to be graded by hand" if waiting else "")


def ended(verdict: Verdict) -> str:
    """The outcome by machine, with the reason where it is not one of points."""
    if verdict.outcome is Outcome.REFUSED:
        return f"refused: {verdict.findings[0].split(';')[0].split(':')[0]}"
    if verdict.outcome is Outcome.TIMED_OUT:
        hung = [task.title for task in verdict.tasks if task.status is Status.TIMED_OUT]
        return f"timed out: {', '.join(hung)}"
    return str(verdict.outcome)
