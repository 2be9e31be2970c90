"""The gradebook: verdicts entered into nbgrader's database, many at a time, by one writer."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import math
import os
import sys
import warnings
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.api import InvalidEntry, MissingEntry
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from camp.course import Course, load_course
from camp.database import DB_URL, is_file, shown_url
from camp.editions import grade_id, learner_edition
from camp.entries import (
    Entry,
    adopt,
    answer_digests,
    enter_all,
    enter_roster,
    hands_by_learner,
    points_by_learner,
)
from camp.errors import GradebookError, NotWritableError
from camp.exercise import Exercise, load_exercise
from camp.graded import Graded, grades
from camp.intake import take_in
from camp.paths import Layout, make_folder, write_text
from camp.plugins import CONFIG_FILE, configure
from camp.records import feedback_page, standing_verdict, submitted_folder, verdict_path
from camp.shown import show_verdict
from camp.standing import ClassRules, Standing, load_class, submitted_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camp.pages import Pages
    from camp.verdict import Verdict

__all__ = ["GradebookDoor", "configure", "feedback_page", "show_verdict", "standing_verdict", "verdict_path"]

MAX_NAME = 128
"""Characters of a learner's name that nbgrader's database holds."""

_REMEDY = {
    True: "close what else has it open, make room on the disk, or put a sound copy there",
    False: f"see that the server runs and lets you in, or mend {DB_URL}",
}
"""What to do about a gradebook, by whether it is a file."""
_State = tuple[dict[str, tuple[float, float, float]], dict[str, str]]
"""Of an assignment, by learner: points by machine, in all, and off; and what was done by hand."""


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
        self._class: ClassRules | None = None
        self._states: dict[str, _State] = {}
        self._gradebook: Any = None
        self._gradebook_file: tuple[int, ...] = ()

    def generate_assignment(self, assignment: str) -> None:
        """Make the learner's edition under `release/` and enter the assignment into the gradebook.

        Submissions that are there already get the cells which were added since.
        """
        exercise = self._exercise(assignment)
        with self._book() as book:
            adopt(book, exercise, learner_edition(exercise))
        self._step("release of", assignment, lambda: self._api.generate_assignment(assignment))

    def knows(self, exercise: Exercise) -> bool:
        """Whether the gradebook holds the exercise with the points that it has now."""
        with self._book() as book:
            try:
                notebook = book.find_notebook(exercise.assignment.notebook, exercise.id)
            except MissingEntry:
                return False
            known = {cell.name: cell.max_score for cell in notebook.grade_cells}
        return known == {grade_id(t): exercise.points(t) for t in exercise.assignment.task}

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
        self._rules()  # where the gradebook cannot be had, that is nobody's single trouble
        for name, group in groupby(sorted(verdicts, key=lambda v: v.assignment), lambda v: v.assignment):
            exercise = self._exercise(name)
            entries: list[tuple[Entry, Verdict]] = []
            for verdict in group:
                try:
                    entries += [(entry, verdict) for entry in self._entries(exercise, verdict)]
                except GradebookError as trouble:
                    troubles.append(trouble)
            self._write(exercise, entries)
        return troubles

    def _standings(self, exercise: Exercise, learner: str) -> list[Standing]:
        """How a learner and the others of the group stand with an assignment; nobody if nothing is there."""
        notebook = exercise.assignment.notebook
        members = self._rules().members(exercise.id, learner)
        found = {m: submitted_at(submitted_folder(self._layout, exercise.id, m), notebook) for m in members}
        submitted = {member: when for member, when in found.items() if when}
        return self._rules().standings(exercise.id, learner, submitted) if submitted else []

    def _entries(self, exercise: Exercise, verdict: Verdict) -> list[Entry]:
        """What is to be entered: the submission, taken in again, with its verdict in it, for all whose it is.

        Raises:
            GradebookError: the submission is no longer what was graded, or nbgrader cannot hold its name.
        """
        if len(verdict.learner) > MAX_NAME:
            raise GradebookError(
                f"nbgrader cannot hold {verdict.learner[:20]!r}… of {len(verdict.learner)} characters; "
                f"rename that folder, {MAX_NAME} are allowed"
            )
        standings = self._standings(exercise, verdict.learner)
        folder = submitted_folder(self._layout, exercise.id, verdict.learner)
        entries = []
        changed = f"{exercise.id} of {verdict.learner} is no longer what was graded; run camp grade again"
        if not standings:
            raise GradebookError(changed)
        for standing in standings:
            intake = take_in(folder / f"{exercise.assignment.notebook}.ipynb", exercise)
            if intake.digest != verdict.hashes.submission:
                raise GradebookError(changed)
            show_verdict(intake.notebook, verdict, exercise, standing.learner)
            earlier = self._receipt(exercise.id, standing.learner).get("answers", {})
            entries.append(Entry(standing.learner, intake.notebook, standing, earlier))
        # Another of the group handed in later: theirs is entered for all.
        return [entry for entry in entries if entry.standing.submitter == verdict.learner]

    def _write(self, exercise: Exercise, entries: list[tuple[Entry, Verdict]]) -> None:
        """Write rows, files and receipts of one assignment; without a receipt it is done again."""
        self._states.clear()
        receipts = {entry.learner: self._receipt_path(exercise.id, entry.learner) for entry, _ in entries}
        with _quiet(), _on_disk():
            pages = self._made_pages()
            for entry, verdict in entries:
                self._annul(exercise.id, entry.learner)
                pages.limit(entry.notebook)
                pages.write_autograded(exercise, entry, verdict.learner)
        with self._book() as book:
            try:
                enter_all(book, exercise, [entry for entry, _ in entries])
            except MissingEntry as error:
                raise GradebookError(f"{error}; run camp release {exercise.id}") from None
            hands = hands_by_learner(book, exercise.id, list(receipts))
        with _quiet(), _on_disk():
            for entry, verdict in entries:
                pages.write_feedback(exercise, entry)
                receipt = {
                    "verdict": _digest(verdict, entry.standing),
                    "answers": answer_digests(entry.notebook),
                    "hands": hands[entry.learner],
                }
                write_text(receipts[entry.learner], json.dumps(receipt))

    def holds(self, exercise: Exercise, verdict: Verdict) -> bool:
        """Whether exactly this verdict is in the gradebook, as the policy has it, with its feedback.

        So is one that does not count, because another of the group handed in later.
        """
        standings = self._standings(exercise, verdict.learner)
        if standings and standings[0].submitter != verdict.learner:
            return True
        return bool(standings) and all(self._held(exercise, verdict, standing) for standing in standings)

    def _held(self, exercise: Exercise, verdict: Verdict, standing: Standing) -> bool:
        learner = standing.learner
        receipt = self._receipt(exercise.id, learner)
        if receipt.get("verdict") != _digest(verdict, standing):
            return False
        if not feedback_page(self._layout, exercise, learner).is_file():
            return False
        points, hands = self._state_of(exercise.id)
        auto, score, off = points.get(learner, (-1.0, 0.0, 0.0))
        # What was given by hand since belongs on the page, and changes what being late costs.
        return (
            receipt.get("hands") == hands.get(learner)
            and auto == verdict.points
            and math.isclose(off, standing.penalty(score), abs_tol=0.001)
        )

    def _receipt_path(self, assignment: str, learner: str) -> Path:
        return self._layout.course / ".entered" / assignment / f"{learner}.json"

    def _receipt(self, assignment: str, learner: str) -> dict[str, Any]:
        """What was written when a verdict was entered: nbgrader itself does not say which one it holds."""
        try:
            receipt = json.loads(self._receipt_path(assignment, learner).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return receipt if isinstance(receipt, dict) else {}

    def _annul(self, assignment: str, learner: str) -> None:
        """Have an entry made again unless it is finished; which answers a person saw stays known."""
        if receipt := self._receipt(assignment, learner):
            write_text(self._receipt_path(assignment, learner), json.dumps(receipt | {"verdict": ""}))

    def _state_of(self, assignment: str) -> _State:
        if assignment not in self._states:
            with self._book() as book:
                found = points_by_learner(book, assignment), hands_by_learner(book, assignment)
                self._states[assignment] = found
        return self._states[assignment]

    def scores(self, assignment: str) -> dict[str, float]:
        """The score of each learner as the gradebook holds it, manual grades and penalties included."""
        with self._book() as book:
            found = points_by_learner(book, assignment)
        return {learner: score - off for learner, (_, score, off) in found.items()}

    def _rules(self) -> ClassRules:
        if self._class is None:
            if self._course is None:
                self._course = load_course(self._layout.exercises)
            self._class = load_class(self._layout, self._course)
            if self._class.roster:
                with self._book() as book:
                    enter_roster(book, self._class.roster)
        return self._class

    def remove(self, learners: list[str]) -> None:
        """Take learners and all that is entered of them out of the gradebook.

        Raises:
            GradebookError: it is locked, damaged or cannot be read.
        """
        self._states.clear()
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

    def grades(self, assignment: str) -> dict[str, Graded]:
        """What counts in the end for each learner of an assignment.

        Raises:
            GradebookError: the gradebook is locked, damaged or cannot be read.
        """
        with self._book() as book:
            return grades(book, assignment)

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
            GradebookError: it is locked, damaged or cannot be read or reached.
        """
        with _quiet():
            try:
                with self._opened() as book:
                    yield book
            except (SQLAlchemyError, InvalidEntry) as error:
                raise GradebookError(
                    f"{shown_url(self._api.coursedir.db_url)} cannot be used ({_cause(str(error))}); "
                    f"{_REMEDY[is_file(self._api.coursedir.db_url)]}; verdicts stay as they are"
                ) from None

    def _opened(self) -> Any:
        """The gradebook of nbgrader: the same as before, which connects anew, unless its file is another.

        For each one that is made, SQLAlchemy would compile its statements anew and keep them for long.
        """
        if self._gradebook is None or _file(self._api.coursedir.db_url) != self._gradebook_file:
            self._gradebook = self._api.gradebook
            self._gradebook_file = _file(self._api.coursedir.db_url)
        return self._gradebook

    def _step(self, what: str, on: str, step: Any) -> None:
        self._states.clear()
        with _quiet():
            result = step()
        if result["success"]:
            return
        error = result.get("error", "")
        if error.rstrip().endswith("KeyboardInterrupt"):  # nbgrader catches even that
            raise KeyboardInterrupt
        cause = _cause((result.get("log") or "") + "\n" + error)
        raise GradebookError(f"nbgrader's {what} {on} failed: {cause}; earlier grades stay")


def _digest(verdict: Verdict, standing: Standing) -> str:
    """SHA-256 over all that an entry and its page are made of, save what is given by hand."""
    return hashlib.sha256((verdict.to_json() + standing.to_json() + _looks()).encode()).hexdigest()


@functools.cache
def _looks() -> str:
    """SHA-256 over what gives pages their looks, so that those of another version are written anew."""
    own = Path(__file__).parent
    template = sorted((own / "templates" / "feedback").iterdir())
    made = hashlib.sha256()
    for path in (own / "shown.py", own / "pages.py", own / "entries.py", *template):
        made.update(path.read_bytes())
    return made.hexdigest()


def _file(db_url: str) -> tuple[int, ...]:
    """What tells a gradebook's file from another in its place; empty on a server, or where there is none."""
    path = make_url(db_url).database
    if not is_file(db_url) or not path or not Path(path).is_file():
        return ()
    found = Path(path).stat()
    return (found.st_dev, found.st_ino, int(found.st_size == 0))


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
def _on_disk() -> Iterator[None]:
    """Tell in one line what the disk refuses.

    Raises:
        NotWritableError: a file could not be written or removed.
    """
    try:
        yield
    except OSError as error:
        raise NotWritableError(
            f"{error.filename or 'a file of the course'} cannot be written ({error.strerror or error}); "
            "make room or mend its permissions, then give the same command: verdicts stay"
        ) from None


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
