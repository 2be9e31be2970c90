"""Files of answers: Python text in jupytext's percent format, one cell per task.

An answer in words is a cell `# %% <task> [markdown]`, its lines comments.

Right and wrong solutions and the example class are written this way. The header says what the file is
about; in `wrong/` it also says which points must be lost.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jupytext
import yaml

from camp.editions import learner_edition
from camp.errors import AnswersError
from camp.exercise import ANSWER, Exercise, task_cell

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode


@dataclass(frozen=True)
class Answers:
    """The answers of one file."""

    path: Path
    about: str
    cells: dict[str, str]
    """The text of the answer cell of each task that the file answers."""
    loses: dict[str, int] = field(default_factory=dict)
    """Points that must be lost, by task."""


def read_answers(path: Path, exercise: Exercise) -> Answers:
    """Read a file of answers to an exercise.

    Raises:
        AnswersError: it cannot be read, has no header, or names a task that the exercise does not have.
    """
    try:
        notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
        header = _header(notebook)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise AnswersError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not header.get("about"):
        raise AnswersError(f"{path} has no 'about' in its header; say in one line what the solution does")
    cells, loses = _cells(path, notebook), header.get("loses") or {}
    if not isinstance(loses, dict) or not all(type(points) is int for points in loses.values()):
        raise AnswersError(f"{path} says loses: {loses!r}; write {{task: points}}, points as whole numbers")
    known = [task.id for task in exercise.assignment.task]
    if unknown := [str(name) for name in (*cells, *loses) if name not in known]:
        raise AnswersError(f"{path} names {', '.join(unknown)}; the tasks are {', '.join(known)}")
    return Answers(path, str(header["about"]), cells, loses)


def _cells(path: Path, notebook: NotebookNode) -> dict[str, str]:
    """The cells by the task that each names."""
    cells: dict[str, str] = {}
    for cell in notebook.cells:
        name = str(cell.metadata.get("title", "")).strip()
        if cell.cell_type == "raw" or not (name or (cell.cell_type == "code" and cell.source.strip())):
            continue
        if not name:
            raise AnswersError(f"{path} has code before or without '# %% <task>'; say which task it answers")
        if name in cells:
            raise AnswersError(f"{path} answers {name} twice; one cell per task")
        cells[name] = cell.source
    return cells


def _header(notebook: NotebookNode) -> dict[str, Any]:
    """The YAML between two lines of `---` at the top, which jupytext leaves in a raw cell."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "raw":
        return {}
    header = yaml.safe_load(first.source.strip().strip("-"))
    return header if isinstance(header, dict) else {}


def model_answers(exercise: Exercise) -> dict[str, str]:
    """The author's answer to every task, without the lines that mark the solution."""
    answers = {}
    for task in exercise.assignment.task:
        cell = task_cell(exercise.source, task.id, ANSWER)
        if cell is not None:
            lines = cell.source.splitlines()
            answers[task.id] = "\n".join(
                ln for ln in lines if "### BEGIN SOLUTION" not in ln and "### END SOLUTION" not in ln
            )
    return answers


def fill_in(exercise: Exercise, answers: dict[str, str], *, base: NotebookNode | None = None) -> NotebookNode:
    """Write answers into the learner's edition, as a learner would have; the others stay blank."""
    notebook = copy.deepcopy(base) if base is not None else learner_edition(exercise)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    return notebook
