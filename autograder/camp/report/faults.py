"""Common wrong answers: failures that are the same but for their numbers, counted once a learner."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camp.verdict import Status, Verdict

if TYPE_CHECKING:
    from camp.verdict import CheckResult, TaskResult

MAX_SHOWN = 200
_NOT_TRIED = "not tried: "
_GIVEN = re.compile(r"^given .*?; got ", re.DOTALL)
# What the values of a hidden check, drawn for each learner, leave behind in a message.
_VALUES = (
    (re.compile(r"[-+]?\b(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan)\b"), "#"),
    (re.compile(r"\[[\s#,\[\]]*\]"), "[#]"),
    (re.compile(r"\s+"), " "),
)


@dataclass
class Fault:
    """One way in which a task went wrong, with who it happened to."""

    task: str
    check: str
    """The check's title; empty when the whole task ended that way."""
    status: Status
    shape: str
    """What came, its numbers replaced by #."""
    learners: list[str] = field(default_factory=list)
    example: str = ""
    """What the first of them was told."""
    expected: str = ""
    """What would have been right in that example."""


def faults(here: list[Verdict]) -> list[Fault]:
    """Group what failed in one assignment, the most frequent first."""
    found: dict[tuple[str, str, Status, str], Fault] = {}
    for verdict in here:
        for task in verdict.tasks:
            for check, status, message, expected in _failures(task):
                key = (task.task, check, status, shape(message))
                fault = found.setdefault(key, Fault(task.title, *key[1:]))
                if not fault.learners:
                    fault.example, fault.expected = _cut(message), _cut(expected)
                if verdict.learner not in fault.learners[-1:]:
                    fault.learners.append(verdict.learner)
    return sorted(found.values(), key=lambda f: (-len(f.learners), f.task, f.check, f.shape))


def shape(message: str) -> str:
    """A message without what differs from learner to learner: its input, and all numbers."""
    text = _GIVEN.sub("got ", message)
    for pattern, plain in _VALUES:
        text = pattern.sub(plain, text)
    return _cut(text.strip())


def _failures(task: TaskResult) -> list[tuple[str, Status, str, str]]:
    if task.status in {Status.PASSED, Status.NOT_ATTEMPTED, Status.REFUSED, Status.NEEDS_GRADING}:
        return []
    told = [c for c in task.checks if c.status is not Status.PASSED and not _echo(c)]
    if not told:
        return [("", task.status, task.message, "")]
    return [(c.title, c.status, c.message, c.expected) for c in told]


def _echo(check: CheckResult) -> bool:
    """Whether a check only says that an earlier one of its task hung."""
    return check.message.startswith(_NOT_TRIED)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
