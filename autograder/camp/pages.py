"""The files of a graded submission: the notebook that the formgrader shows, and the learner's feedback page.

They are the files that nbgrader's `autograde` and `generate_feedback` write, byte for byte, but the page's
template is read once for a whole class.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_core.paths import jupyter_config_dir
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.v4 import new_notebook
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import LimitOutput
from nbgrader.utils import find_all_files, is_grade, is_solution, is_task

from camp.intake import MAX_BYTES
from camp.paths import make_folder, write_text
from camp.plugins import FeedbackExporter
from camp.records import autograded_folder, feedback_page, submitted_folder

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import LoggingConfigurable

    from camp.entries import Entry
    from camp.exercise import Exercise
    from camp.paths import Layout

_READ_ONLY = 0o444  # as nbgrader leaves what was autograded


class Pages:
    """Writes the files of graded submissions.

    Args:
        layout: the folders of the checkout.
        coursedir: nbgrader's course root.
        parent: nbgrader's application, which carries the configuration.
    """

    def __init__(self, layout: Layout, coursedir: CourseDirectory, parent: LoggingConfigurable) -> None:
        self._layout = layout
        self._ignored = [*coursedir.ignore, "*.ipynb"]
        feedback = GenerateFeedback(coursedir=coursedir, parent=parent)
        self._exporter = FeedbackExporter(parent=feedback, config=feedback.config)
        colours = CSSHTMLHeaderPreprocessor(config=feedback.config)
        _, self._known = colours.preprocess(new_notebook(), {"config_dir": jupyter_config_dir()})
        self._limit = LimitOutput(parent=feedback)

    def limit(self, notebook: NotebookNode) -> None:
        """Shorten outputs as nbgrader's autograding does."""
        self._limit.preprocess(notebook, {})

    def write_autograded(self, exercise: Exercise, entry: Entry, submitter: str) -> None:
        """Write the graded notebook and, beside it, what was submitted with it and the exercise's data.

        Raises:
            NotWritableError: a file cannot be written.
        """
        folder = autograded_folder(self._layout, exercise.id, entry.learner)
        files = self._submitted_with(submitted_folder(self._layout, exercise.id, submitter)) | exercise.data
        notebook = folder / f"{exercise.assignment.notebook}.ipynb"
        _clear(folder, {notebook, *(folder / name for name in files)})
        for name, path in files.items():
            make_folder((folder / name).parent)
            (folder / name).unlink(missing_ok=True)
            shutil.copyfile(path, folder / name)
            (folder / name).chmod(_READ_ONLY)
        write_text(notebook, nbformat.writes(entry.notebook, version=4) + "\n")
        notebook.chmod(_READ_ONLY)

    def write_feedback(self, exercise: Exercise, entry: Entry) -> None:
        """Write the learner's page, and beside it the files that lie beside the graded notebook.

        Scores and comments are written into the entry's notebook.

        Raises:
            NotWritableError: a file cannot be written.
        """
        page = feedback_page(self._layout, exercise, entry.learner)
        graded = autograded_folder(self._layout, exercise.id, entry.learner)
        files = {path.relative_to(graded).as_posix(): path for path in _files(graded, self._ignored)}
        _clear(page.parent, {page, *(page.parent / name for name in files)})
        for name, path in files.items():
            make_folder((page.parent / name).parent)
            shutil.copyfile(path, page.parent / name)
        for cell in entry.notebook.cells:
            grading = cell.metadata.get("nbgrader")
            if is_solution(cell) or is_task(cell):
                grading["comment"] = entry.comments[grading.grade_id]
            if is_grade(cell) or is_task(cell):
                grading["score"] = entry.scores[grading.grade_id]
                grading["waits"] = grading.grade_id in entry.waits
        write_text(page, self._exporter.page(entry.notebook, self._known | _about(exercise, entry)))

    def _submitted_with(self, folder: Path) -> dict[str, Path]:
        """Ordinary files beside a submission, such as nbgrader's timestamp; links are not followed."""
        return {
            path.relative_to(folder).as_posix(): path
            for path in _files(folder, self._ignored)
            if not path.is_symlink() and path.is_file() and path.stat().st_size <= MAX_BYTES
        }


def _about(exercise: Exercise, entry: Entry) -> dict[str, Any]:
    """What nbgrader tells the template of the submission."""
    name = exercise.assignment.notebook
    return {
        "unique_key": name,
        "output_files_dir": f"{name}_files",
        "nbgrader": {
            "student": entry.learner,
            "assignment": exercise.id,
            "notebook": name,
            "score": entry.score - entry.penalty,
            "max_score": float(exercise.max_points),
            "late_penalty": entry.penalty,
        },
    }


def _files(folder: Path, ignored: list[str]) -> list[Path]:
    return sorted(type(folder)(path) for path in find_all_files(str(folder), ignored))


def _clear(folder: Path, wanted: set[Path]) -> None:
    """Remove what an earlier submission left and this one does not have."""
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path not in wanted and (path.is_symlink() or not path.is_dir()):
            path.unlink()
