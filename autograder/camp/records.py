"""Where the records of a submission lie: its verdict, nbgrader's copies of it, and its feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camp.fingerprint import hashes
from camp.verdict import Verdict, read_verdict

if TYPE_CHECKING:
    from pathlib import Path

    from camp.exercise import Exercise
    from camp.paths import Layout


def verdict_path(layout: Layout, assignment: str, learner: str) -> Path:
    """Where a verdict lies."""
    return layout.results / assignment / f"{learner}.json"


def submitted_folder(layout: Layout, assignment: str, learner: str) -> Path:
    """Where nbgrader looks for a learner's submission and what came with it."""
    return layout.course / "submitted" / learner / assignment


def autograded_folder(layout: Layout, assignment: str, learner: str) -> Path:
    """Where the formgrader and the feedback look for a graded submission."""
    return layout.course / "autograded" / learner / assignment


def feedback_page(layout: Layout, exercise: Exercise, learner: str) -> Path:
    """Where nbgrader writes a learner's feedback."""
    return layout.course / "feedback" / learner / exercise.id / f"{exercise.assignment.notebook}.html"


def standing_verdict(path: Path, submission: str, exercise: Exercise) -> Verdict | None:
    """The stored verdict, if submission, exercise, grader and environment are still the same."""
    verdict = read_verdict(path)
    return verdict if verdict and verdict.hashes == hashes(submission, exercise) else None
