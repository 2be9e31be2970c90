"""One exercise read from its folder: the source notebook, its tasks' cells and its hidden checks."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import jupytext

from camp.checks import Check
from camp.errors import ExerciseError

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

    from camp.course import Assignment, Course, Task

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ANSWER, CHECK = "answer", "check"


@dataclass(frozen=True)
class Exercise:
    """An assignment of the course with everything that its folder holds."""

    course: Course
    assignment: Assignment
    folder: Path
    source: NotebookNode
    """The author's notebook, solutions and public checks in it; task cells carry `task` and `role`."""
    checks: dict[str, list[Check]]
    """The hidden checks of each task, in the order of `checks.py`."""

    @property
    def id(self) -> str:
        """The assignment's id."""
        return self.assignment.id

    def points(self, task: Task) -> int:
        """What a task is worth: the sum over its hidden checks."""
        return sum(check.points for check in self.checks[task.id])

    @property
    def max_points(self) -> int:
        """What the exercise is worth."""
        return sum(self.points(task) for task in self.assignment.task)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything a verdict depends on: source, checks, data and the entry in camp.toml."""
        total = hashlib.sha256(self.assignment.model_dump_json().encode())
        total.update(str(self.course.course.seed).encode())
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            if path.is_file() and relative.parts[0] not in {"wrong", "right", "__pycache__"}:
                total.update(relative.as_posix().encode() + b"\0" + path.read_bytes())
        return total.hexdigest()


def load_exercise(course: Course, assignment_id: str) -> Exercise:
    """Read an exercise and check that its parts fit together.

    Raises:
        UnknownAssignmentError: the course has no such assignment.
        ExerciseError: a file is missing or wrong, or tasks, cells and checks do not match.
    """
    assignment = course.find(assignment_id)
    folder = course.folder / assignment.id
    source = _read_source(folder / f"{assignment.notebook}.md")
    checks = _read_checks(folder / "checks.py", assignment)
    exercise = Exercise(course, assignment, folder, source, checks)
    _require_matching_cells(exercise)
    return exercise


def task_cell(notebook: NotebookNode, task_id: str, role: str) -> NotebookNode | None:
    """The cell of a source notebook that holds a task's answer or its public check."""
    wanted = (task_id, role)
    found: list[NotebookNode] = [
        c for c in notebook.cells if (c.metadata.get("task"), c.metadata.get("role")) == wanted
    ]
    return found[0] if found else None


def _read_source(path: Path) -> NotebookNode:
    try:
        notebook: NotebookNode = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")
    except FileNotFoundError:
        raise ExerciseError(f"{path} is missing; the assignment's notebook is written there") from None
    except Exception as error:  # jupytext raises many kinds; the author needs one line
        raise ExerciseError(f"{path} is not a MyST notebook: {_first_line(error)}") from error
    _name_cells(notebook)
    return notebook


def _name_cells(notebook: NotebookNode) -> None:
    """Give every cell an id that is the same each time, so that submissions can be matched to it."""
    for number, cell in enumerate(notebook.cells, start=1):
        task, role = cell.metadata.get("task"), cell.metadata.get("role")
        cell["id"] = f"{task}-{role}" if task else f"given-{number:03d}"


def _read_checks(path: Path, assignment: Assignment) -> dict[str, list[Check]]:
    """Load `checks.py` by its path and collect the functions that `check` declared."""
    spec = importlib.util.spec_from_file_location(f"camp_checks_{assignment.id.replace('-', '_')}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ExerciseError(f"{path} is missing; the hidden checks are written there")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ExerciseError(f"{path} does not load: {_first_line(error)}") from error
    checks: dict[str, list[Check]] = {task.id: [] for task in assignment.task}
    for value in vars(module).values():
        found = getattr(value, "__camp_check__", None)
        if not isinstance(found, Check):
            continue
        if found.task not in checks:
            raise ExerciseError(f"{path}: {found.name} checks {found.task!r}, which is no task of camp.toml")
        checks[found.task].append(found)
    return checks


def _require_matching_cells(exercise: Exercise) -> None:
    """Every task has one answer cell with a solution, one public check after it, and hidden checks."""
    path = exercise.folder / f"{exercise.assignment.notebook}.md"
    known = {task.id for task in exercise.assignment.task}
    seen = [
        (c.metadata.get("task"), c.metadata.get("role"))
        for c in exercise.source.cells
        if c.metadata.get("task") or c.metadata.get("role")
    ]
    for task, role in seen:
        if task not in known or role not in {ANSWER, CHECK}:
            raise ExerciseError(f"{path}: a cell says task {task!r}, role {role!r}; camp.toml knows no such")
    for task_id in known:
        if [role for task, role in seen if task == task_id] != [ANSWER, CHECK]:
            raise ExerciseError(f"{path}: task {task_id!r} needs one answer cell, then one check cell")
        answer = task_cell(exercise.source, task_id, ANSWER)
        if answer is None or BEGIN not in answer.source or END not in answer.source:
            raise ExerciseError(f"{path}: the answer of {task_id!r} has no '{BEGIN}' … '{END}'")
        if not exercise.checks[task_id]:
            raise ExerciseError(f"{exercise.folder / 'checks.py'}: no hidden check for task {task_id!r}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
