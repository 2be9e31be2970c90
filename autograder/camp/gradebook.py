"""The nbgrader side: its configuration, its steps called from here, and our part in its autograding.

`nbgrader autograde`, `generate_feedback`, `export` and the formgrader work on the same course root, because
our two parts are plugged into nbgrader itself: an exporter that takes submissions in as strangers' bytes,
and a preprocessor that puts the verdict where nbgrader looks for points.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbgrader
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Unicode
from traitlets.config import Config

from camp.course import load_course
from camp.editions import STUB, check_id, page_address
from camp.errors import GradebookError
from camp.exercise import Exercise, load_exercise
from camp.grade import grade, hashes
from camp.intake import Intake, take_in
from camp.paths import Layout, make_folder, write_text
from camp.verdict import Status, TaskResult, Verdict, in_words, read_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG_FILE = """\
# Written by camp. Opens this course root for nbgrader's own commands and its formgrader.
from pathlib import Path

from camp.gradebook import configure

configure(get_config(), Path({root!r}))  # noqa: F821
"""


def configure(config: Config, root: Path) -> Config:
    """Set nbgrader up for the course of a checkout.

    Args:
        config: traitlets' configuration, which is changed and returned.
        root: the checkout's root.
    """
    layout = Layout(root)
    course = load_course(layout.exercises).course
    config.CourseDirectory.root = str(layout.course)
    config.CourseDirectory.course_id = course.id
    config.ClearSolutions.code_stub = {"python": STUB}
    config.IntakeExporter.root = config.ApplyVerdict.root = str(root)
    # Ours first: its `feedback` takes the place of nbgrader's, whose page fetches scripts from elsewhere.
    nbgraders = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    own = Path(__file__).parent / "templates"
    config.CSSHTMLHeaderPreprocessor.style = (
        "default"  # colours of its own, where nbconvert's are JupyterLab's
    )
    config.HTMLExporter.extra_template_basedirs = [str(own), str(nbgraders)]
    config.Autograde.exporter_class = "camp.gradebook.IntakeExporter"
    config.Autograde.autograde_preprocessors = [
        "camp.gradebook.ApplyVerdict",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    return config


class IntakeExporter(NotebookExporter):
    """Reads a submission through our intake, so that no file can stop nbgrader's sanitizing step."""

    root = Unicode(help="the checkout's root").tag(config=True)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Take in what was submitted; read what nbgrader wrote itself as it is."""
        if not getattr(self.parent, "_sanitizing", False):
            return super().from_filename(filename, resources, **kw)
        intake = take_in(
            Path(filename), _exercise(Path(self.root), (resources or {})["nbgrader"]["assignment"])
        )
        intake.notebook.metadata["camp"] = NotebookNode(
            submission=intake.digest,
            refused=intake.refused,
            findings=intake.findings,
            missing=intake.missing,
        )
        return super().from_notebook_node(intake.notebook, resources, **kw)  # type: ignore[no-untyped-call, no-any-return]


class ApplyVerdict(NbGraderPreprocessor):
    """Puts the verdict into the notebook: outputs under answers, points and messages under checks."""

    root = Unicode(help="the checkout's root").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Use the stored verdict if it still stands, otherwise grade now and store it."""
        known = resources["nbgrader"]
        exercise = _exercise(Path(self.root), known["assignment"])
        taken = nb.metadata.pop("camp")
        intake = Intake(
            nb, taken["submission"], taken["refused"], list(taken["findings"]), dict(taken["missing"])
        )
        path = verdict_path(Layout(Path(self.root)), known["assignment"], known["student"])
        verdict = standing_verdict(path, intake.digest, exercise)
        if verdict is None:
            verdict = grade(intake, exercise, known["student"])
            write_text(path, verdict.to_json())
        show_verdict(nb, verdict, exercise)
        return nb, resources


def _exercise(root: Path, assignment: str) -> Exercise:
    return load_exercise(load_course(Layout(root).exercises), assignment)


def verdict_path(layout: Layout, assignment: str, learner: str) -> Path:
    """Where a verdict lies."""
    return layout.results / assignment / f"{learner}.json"


def feedback_page(layout: Layout, exercise: Exercise, learner: str) -> Path:
    """Where nbgrader writes a learner's feedback."""
    return layout.course / "feedback" / learner / exercise.id / f"{exercise.assignment.notebook}.html"


def standing_verdict(path: Path, submission: str, exercise: Exercise) -> Verdict | None:
    """The stored verdict, if submission, exercise, grader and environment are still the same."""
    verdict = read_verdict(path)
    return verdict if verdict and verdict.hashes == hashes(submission, exercise) else None


def show_verdict(notebook: NotebookNode, verdict: Verdict, exercise: Exercise) -> None:
    """Write a verdict into a notebook, where nbgrader, its formgrader and the feedback page read it."""
    notebook.metadata["camp"] = NotebookNode(
        title=exercise.assignment.title,
        learner=verdict.learner,
        words=in_words(verdict),
        findings=verdict.findings,
    )
    pages = {task.id: page_address(exercise, task) for task in exercise.assignment.task}
    answers = {task.task: task for task in verdict.tasks}
    checks = {check_id(task.task): task for task in verdict.tasks}
    told = {task.message for task in verdict.tasks}
    left = [finding for finding in verdict.findings if finding not in told]  # said once, under the first task
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.outputs = []
        task = answers.get(grade_id) or checks.get(grade_id)
        if task is None:
            continue
        cell.metadata["camp"] = NotebookNode(task.model_dump(mode="json"), page=pages[task.task])
        if grade_id in answers and task.output:
            cell.outputs = [new_output("stream", name="stdout", text=task.output)]
        if grade_id in checks:
            findings, left = left, []
            cell.outputs = [
                new_output("stream", name="stdout", text=_told(task, findings)),
                # nbgrader reads a number in this place as the points earned.
                new_output("execute_result", data={"text/plain": str(task.points)}),
            ]


def _told(task: TaskResult, findings: list[str]) -> str:
    """What the learner reads under a task."""
    lines = [f"{task.points} of {task.max_points} points: {task.status}"]
    for check in task.checks:
        mark = "✓" if check.status is Status.PASSED else "✗"
        lines.append(f"  {mark} {check.title} ({check.points} of {check.max_points})")
        lines += [f"      {check.message}"] if check.message else []
    if task.message:
        lines.append(f"  {task.message}")
    lines += [f"  note: {finding}" for finding in findings]
    return "\n".join(lines) + "\n"


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
        write_text(layout.course / "nbgrader_config.py", _CONFIG_FILE.format(root=str(layout.root)))
        config = configure(Config(), layout.root)
        with _quiet():
            self._api = NbGraderAPI(CourseDirectory(config=config), config=config)
        self._api.log_level = "ERROR"
        self._layout = layout
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
        """Enter a verdict into the gradebook and write the learner's feedback page.

        Raises:
            GradebookError: nbgrader refused; entering it again starts over.
        """
        assignment, learner = verdict.assignment, verdict.learner
        if "[" in learner:
            raise GradebookError(f"nbgrader cannot enter {learner!r}: '[' is a pattern to it; rename it")
        receipt = self._receipt(verdict)
        receipt.unlink(missing_ok=True)
        on, name = f"{assignment} of {learner}", _exactly(learner)
        self._step("grading of", on, lambda: self._api.autograde(assignment, name))
        self._step("feedback on", on, lambda: self._api.generate_feedback(assignment, student_id=name))
        write_text(receipt, _digest(verdict))

    def holds(self, exercise: Exercise, verdict: Verdict) -> bool:
        """Whether exactly this verdict is in the gradebook, and its feedback is written."""
        receipt = self._receipt(verdict)
        if not receipt.is_file() or receipt.read_text(encoding="utf-8") != _digest(verdict):
            return False
        if not feedback_page(self._layout, exercise, verdict.learner).is_file():
            return False
        return self._auto_scores(verdict.assignment).get(verdict.learner) == verdict.points

    def _receipt(self, verdict: Verdict) -> Path:
        """Written when a verdict has been entered: nbgrader itself does not say which one it holds."""
        return self._layout.course / ".entered" / verdict.assignment / f"{verdict.learner}.sha256"

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
        for receipt in (self._layout.course / ".entered").glob("*/*.sha256"):
            if receipt.stem in learners:
                receipt.unlink()

    def export(self, target: Path) -> None:
        """Write nbgrader's own export of the whole gradebook as CSV."""
        from nbgrader.plugins import CsvExportPlugin

        with self._book() as book:
            CsvExportPlugin(to=str(target)).export(book)

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


def _exactly(name: str) -> str:
    """A learner's name as the pattern that nbgrader takes it for, which matches this name alone."""
    return re.sub(r"([*?\s])", r"[\1]", name)


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
