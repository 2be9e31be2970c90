"""Our part in nbgrader: its configuration, and what is plugged into its autograding.

`nbgrader autograde`, `generate_feedback`, `export` and the formgrader work on the same course root, because
our parts are plugged into nbgrader itself: an exporter that takes submissions in as strangers' bytes, a
preprocessor that puts the verdict where nbgrader looks for points, and an exporter for feedback pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbgrader
from nbconvert.exporters import HTMLExporter, NotebookExporter
from nbconvert.exporters.exporter import Exporter
from nbconvert.filters import Highlight2HTML
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from traitlets import Unicode

from camp.course import load_course
from camp.database import configured_url
from camp.editions import STUB, TEXT_STUB
from camp.entries import apply_standing
from camp.exercise import Exercise, load_exercise
from camp.grade import grade
from camp.intake import Intake, take_in
from camp.paths import Layout, write_text
from camp.records import standing_verdict, submitted_folder, verdict_path
from camp.shown import show_verdict
from camp.standing import load_class, submitted_at

if TYPE_CHECKING:
    from traitlets.config import Config

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
CONFIG_FILE = """\
# Written by camp. Opens this course root for nbgrader's own commands and its formgrader.
from pathlib import Path

from camp.plugins import configure

configure(get_config(), Path({root!r}))  # noqa: F821
"""


def configure(config: Config, root: Path) -> Config:
    """Set nbgrader up for the course of a checkout.

    Args:
        config: traitlets' configuration, which is changed and returned.
        root: the checkout's root.
    """
    layout = Layout(root)
    course = load_course(layout.exercises)
    config.CourseDirectory.root = str(layout.course)
    config.CourseDirectory.course_id = course.course.id
    config.LmsExportPlugin.titles = {assignment.id: assignment.title for assignment in course.assignment}
    if url := configured_url():
        config.CourseDirectory.db_url = url
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    config.IntakeExporter.root = config.ApplyVerdict.root = config.ApplyPolicy.root = str(root)
    # Ours first: its `feedback` takes the place of nbgrader's, whose page fetches scripts from elsewhere.
    nbgraders = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    own = Path(__file__).parent / "templates"
    # Colours of its own, where nbconvert's are JupyterLab's; nbgrader lists it, but leaves it switched off.
    config.CSSHTMLHeaderPreprocessor.style, config.CSSHTMLHeaderPreprocessor.enabled = "default", True
    config.HTMLExporter.extra_template_basedirs = [str(own), str(nbgraders)]
    config.HTMLExporter.preprocessors = ["camp.plugins.DefuseWords"]
    config.FeedbackExporter.preprocessors = []  # its template escapes
    config.GenerateFeedback.exporter_class = "camp.plugins.FeedbackExporter"
    config.GenerateFeedback.preprocessors = [
        "camp.plugins.ReadGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    config.Autograde.exporter_class = "camp.plugins.IntakeExporter"
    config.Autograde.autograde_preprocessors = [
        "camp.plugins.ApplyVerdict",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "camp.plugins.ApplyPolicy",
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


class ApplyPolicy(NbGraderPreprocessor):
    """Puts the class's policy into the gradebook: due date, extension, points off for being late."""

    root = Unicode(help="the checkout's root").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Take the place of nbgrader's AssignLatePenalties, which knows no policy of ours."""
        known, layout = resources["nbgrader"], Layout(Path(self.root))
        names = (known["assignment"], known["student"])
        submitted = submitted_at(submitted_folder(layout, *names), known["notebook"])
        rules = load_class(layout, load_course(layout.exercises))
        with Gradebook(known["db_url"]) as book:
            notebook = book.find_submission_notebook(known["notebook"], *names)
            if submitted is not None:
                (standing,) = (
                    s for s in rules.standings(*names, {known["student"]: submitted}) if s.learner == names[1]
                )
                apply_standing(notebook.assignment, notebook, standing, notebook.score)
            book.db.commit()
        return nb, resources


class ReadGrades(GetGrades):
    """Reads scores and comments into a notebook as nbgrader does, and whether a score waits for a person."""

    def _get_score(self, cell: NotebookNode, resources: Any) -> None:
        super()._get_score(cell, resources)
        names = (self.notebook_id, self.assignment_id, self.student_id)
        grade = self.gradebook.find_grade(cell.metadata["nbgrader"]["grade_id"], *names)
        cell.metadata.nbgrader["waits"] = grade.needs_manual_grade


class DefuseWords(Preprocessor):
    """Keeps what a learner wrote as text from being HTML on the instructor's screen, in the formgrader."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:  # noqa: ARG002
        """Escape what would start a tag in an answer in words; Markdown stays Markdown."""
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = _TAG.sub("&lt;", cell.source)
        return cell, resources


class FeedbackExporter(HTMLExporter):
    """Makes feedback pages; nbconvert's own would read every finished page again to look for images."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)  # type: ignore[no-untyped-call]
        colours = Highlight2HTML(pygments_lexer="python", parent=self)
        self.register_filter("highlight_code", colours)  # type: ignore[no-untyped-call]

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a graded notebook."""
        graded, known = Exporter.from_notebook_node(self, nb, resources, **kw)
        return self.page(graded, known), known

    def page(self, graded: NotebookNode, known: dict[str, Any]) -> str:
        """The page of a notebook that holds its scores and comments already."""
        page: str = self.template.render(nb=graded, resources=known)
        return page.lstrip("\r\n")


def _exercise(root: Path, assignment: str) -> Exercise:
    return load_exercise(load_course(Layout(root).exercises), assignment)
