"""The gradebook: verdicts entered into nbgrader's database, many at a time, by one writer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import warnings
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.api import MissingEntry
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from camp.course import Course, load_course
from camp.editions import check_id
from camp.entries import Entry, answer_digests, enter_all
from camp.errors import GradebookError
from camp.exercise import Exercise, load_exercise
from camp.intake import take_in
from camp.paths import Layout, make_folder, write_text
from camp.plugins import CONFIG_FILE, configure
from camp.records import feedback_page, standing_verdict, submitted_folder, verdict_path
from camp.shown import show_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from camp.pages import Pages
    from camp.verdict import Verdict

__all__ = ["GradebookDoor", "configure", "feedback_page", "show_verdict", "standing_verdict", "verdict_path"]

MAX_NAME = 128
"""Characters of a learner's name that nbgrader's database holds."""


class GradebookDoor:
    """nbgrader's steps on the course root, quiet, each failure one line.

    Args:
        layout: the folders of the checkout.
    """

    def __init__(self, layout: Layout) -> None:
        from nbgrader.apps import NbGraderAPI
        from nbgrader.coursedir import CourseDirectory

        _put_own_programs_first()
        make_folder(layout.course)
        write_text(layout.course / "nbgrader_config.py", CONFIG_FILE.format(root=str(layout.root)))
        config = configure(Config(), layout.root)
        with _quiet():
            self._api = NbGraderAPI(CourseDirectory(config=config), config=config)
        self._api.log_level = "ERROR"
        self._layout = layout
        self._pages: Pages | None = None
        self._course: Course | None = None
        self._exercises: dict[str, Exercise] = {}
        self._scores: dict[str, dict[str, float]] = {}

    def generate_assignment(self, assignment: str) -> None:
        """Make the learner's edition under `release/` and enter the assignment into the gradebook."""
        self._step("release of", assignment, lambda: self._api.generate_assignment(assignment))

    def knows(self, exercise: Exercise) -> bool:
        """Whether the gradebook holds the exercise with the points that it has now."""
        with self._book() as book:
            try:
                notebook = book.find_notebook(exercise.assignment.notebook, exercise.id)
            except MissingEntry:
                return False
            known = {cell.name: cell.max_score for cell in notebook.grade_cells}
        return known == {check_id(t.id): exercise.points(t) for t in exercise.assignment.task}

    def enter(self, verdict: Verdict) -> None:
        """Enter one verdict; see `enter_all`.

        Raises:
            GradebookError: it could not be entered; entering it again starts over.
        """
        for trouble in self.enter_all([verdict]):
            raise trouble

    def enter_all(self, verdicts: list[Verdict]) -> list[GradebookError]:
        """Enter verdicts into the gradebook in one transaction an assignment; write the learners' feedback.

        Returns:
            What kept single verdicts out; the others are entered.

        Raises:
            GradebookError: the gradebook cannot be had; entering them again starts over.
            NotWritableError: a file of theirs cannot be written; likewise.
        """
        troubles: list[GradebookError] = []
        for name, group in groupby(sorted(verdicts, key=lambda v: v.assignment), lambda v: v.assignment):
            exercise = self._exercise(name)
            entries: list[tuple[Entry, Verdict]] = []
            for verdict in group:
                try:
                    entries.append((self._entry(exercise, verdict), verdict))
                except GradebookError as trouble:
                    troubles.append(trouble)
            self._write(exercise, entries)
        return troubles

    def _entry(self, exercise: Exercise, verdict: Verdict) -> Entry:
        """What is to be entered: the submission, taken in again, with its verdict in it.

        Raises:
            GradebookError: the submission is no longer what was graded, or nbgrader cannot hold its name.
        """
        learner = verdict.learner
        if len(learner) > MAX_NAME:
            raise GradebookError(
                f"nbgrader cannot hold {learner[:20]!r}… of {len(learner)} characters; rename that folder, "
                f"{MAX_NAME} are allowed"
            )
        folder = submitted_folder(self._layout, exercise.id, learner)
        intake = take_in(folder / f"{exercise.assignment.notebook}.ipynb", exercise)
        if intake.digest != verdict.hashes.submission:
            raise GradebookError(
                f"{exercise.id} of {learner} is no longer what was graded; run camp grade again"
            )
        show_verdict(intake.notebook, verdict, exercise)
        earlier = self._receipt(exercise.id, learner).get("answers", {})
        return Entry(learner, intake.notebook, timestamp=_timestamp(folder), earlier=earlier)

    def _write(self, exercise: Exercise, entries: list[tuple[Entry, Verdict]]) -> None:
        """Write rows, files and receipts of one assignment; without a receipt it is done again."""
        self._scores.clear()
        receipts = {entry.learner: self._receipt_path(exercise.id, entry.learner) for entry, _ in entries}
        with _quiet():
            pages = self._made_pages()
            for entry, verdict in entries:
                receipts[entry.learner].unlink(missing_ok=True)
                pages.limit(entry.notebook)
                pages.write_autograded(exercise, entry, verdict.learner)
        with self._book() as book:
            try:
                enter_all(book, exercise, [entry for entry, _ in entries])
            except MissingEntry as error:
                raise GradebookError(f"{error}; run camp release {exercise.id}") from None
        with _quiet():
            for entry, verdict in entries:
                pages.write_feedback(exercise, entry)
                receipt = {"verdict": _digest(verdict), "answers": answer_digests(entry.notebook)}
                write_text(receipts[entry.learner], json.dumps(receipt))

    def holds(self, exercise: Exercise, verdict: Verdict) -> bool:
        """Whether exactly this verdict is in the gradebook, and its feedback is written."""
        if self._receipt(exercise.id, verdict.learner).get("verdict") != _digest(verdict):
            return False
        if not feedback_page(self._layout, exercise, verdict.learner).is_file():
            return False
        return self._auto_scores(verdict.assignment).get(verdict.learner) == verdict.points

    def _receipt_path(self, assignment: str, learner: str) -> Path:
        return self._layout.course / ".entered" / assignment / f"{learner}.json"

    def _receipt(self, assignment: str, learner: str) -> dict[str, Any]:
        """What was written when a verdict was entered: nbgrader itself does not say which one it holds."""
        try:
            receipt = json.loads(self._receipt_path(assignment, learner).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return receipt if isinstance(receipt, dict) else {}

    def _auto_scores(self, assignment: str) -> dict[str, float]:
        """What each learner earned by machine, as the gradebook holds it."""
        if assignment not in self._scores:
            with self._book() as book:
                try:
                    entries = book.assignment_submissions(assignment)
                except MissingEntry:
                    return {}
                self._scores[assignment] = {
                    entry.student_id: sum(g.auto_score or 0 for n in entry.notebooks for g in n.grades)
                    for entry in entries
                }
        return self._scores[assignment]

    def scores(self, assignment: str) -> dict[str, float]:
        """The score of each learner as the gradebook holds it, manual grades and penalties included."""
        with self._book() as book:
            try:
                submissions = book.assignment_submissions(assignment)
            except MissingEntry:
                return {}
            return {s.student_id: float(s.score - (s.late_submission_penalty or 0)) for s in submissions}

    def remove(self, learners: list[str]) -> None:
        """Take learners and all that is entered of them out of the gradebook.

        Raises:
            GradebookError: it is locked, damaged or cannot be read.
        """
        self._scores.clear()
        with self._book() as book:
            for learner in learners:
                with contextlib.suppress(MissingEntry):
                    book.remove_student(learner)
        for receipt in (self._layout.course / ".entered").glob("*/*.json"):
            if receipt.stem in learners:
                receipt.unlink()

    def export(self, target: Path) -> None:
        """Write nbgrader's own export of the whole gradebook as CSV."""
        from nbgrader.plugins import CsvExportPlugin

        with self._book() as book:
            CsvExportPlugin(to=str(target)).export(book)

    def export_with(self, plugin: Any) -> None:
        """Let an export plugin of nbgrader's kind write what it makes of the gradebook.

        Raises:
            GradebookError: the gradebook is locked, damaged or cannot be read.
        """
        with self._book() as book:
            plugin.export(book)

    def _exercise(self, assignment: str) -> Exercise:
        if self._course is None:
            self._course = load_course(self._layout.exercises)
        if assignment not in self._exercises:
            self._exercises[assignment] = load_exercise(self._course, assignment)
        return self._exercises[assignment]

    def _made_pages(self) -> Pages:
        from camp.pages import Pages  # its templates take a moment to load, and only entering needs them

        if self._pages is None:
            self._pages = Pages(self._layout, self._api.coursedir, self._api)
        return self._pages

    @contextlib.contextmanager
    def _book(self) -> Iterator[Any]:
        """Open nbgrader's gradebook.

        Raises:
            GradebookError: it is locked, damaged or cannot be read.
        """
        with _quiet():
            try:
                with self._api.gradebook as book:
                    yield book
            except SQLAlchemyError as error:
                raise GradebookError(
                    f"{self._layout.course / 'gradebook.db'} cannot be used ({_cause(str(error))}); "
                    "close what else has it open, or put a sound copy there; verdicts stay as they are"
                ) from None

    def _step(self, what: str, on: str, step: Any) -> None:
        self._scores.clear()
        with _quiet():
            result = step()
        if result["success"]:
            return
        error = result.get("error", "")
        if error.rstrip().endswith("KeyboardInterrupt"):  # nbgrader catches even that
            raise KeyboardInterrupt
        cause = _cause((result.get("log") or "") + "\n" + error)
        raise GradebookError(f"nbgrader's {what} {on} failed: {cause}; earlier grades stay")


def _timestamp(folder: Path) -> datetime | None:
    """When nbgrader's `timestamp.txt` says that a submission came, in UTC; None where there is none."""
    try:
        text = (folder / "timestamp.txt").read_text(encoding="utf-8").strip()
        return parse_utc(text) if text else None
    except (OSError, ValueError, OverflowError):
        return None


def _digest(verdict: Verdict) -> str:
    return hashlib.sha256(verdict.to_json().encode()).hexdigest()


def _cause(log: str) -> str:
    """The line of a log or traceback that names the error."""
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["no log"]
    return next((line for line in reversed(lines) if "Error" in line), lines[-1])[:300]


def _put_own_programs_first() -> None:
    """Let nbgrader find `alembic`, which it starts as a program, without an activated environment."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", "")])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep nbgrader's and alembic's log lines and warnings off the terminal; failures are told by us."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
