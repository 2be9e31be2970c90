"""One exercise read from its folder: the source notebook, its tasks' cells and its hidden checks."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from camp.checks import Check
from camp.errors import ExerciseError
from camp.source import first_line, read_source

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

    from camp.course import Assignment, Course, Task

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ANSWER, CHECK = "answer", "check"
# What of an exercise's folder never goes to a learner, besides its source.
KEPT_BACK = frozenset({"checks.py", "wrong", "right", "__pycache__", ".ipynb_checkpoints"})


@dataclass(frozen=True)
class Exercise:
    """An assignment of the course with everything that its folder holds."""

    course: Course
    assignment: Assignment
    folder: Path
    source: NotebookNode
    """The author's notebook, solutions and public checks in it; task cells carry `task` and `role`."""
    checks: dict[str, list[Check]]
    """The hidden checks of each task that they grade, in the order of `checks.py`."""

    @property
    def id(self) -> str:
        """The assignment's id."""
        return self.assignment.id

    def points(self, task: Task) -> int:
        """What a task is worth: the sum over its rubric or its hidden checks."""
        return task.points or sum(check.points for check in self.checks[task.id])

    @property
    def max_points(self) -> int:
        """What the exercise is worth."""
        return sum(self.points(task) for task in self.assignment.task)

    @property
    def _source_file(self) -> Path:
        return self.folder / f"{self.assignment.notebook}.md"

    @cached_property
    def data(self) -> dict[str, Path]:
        """The files that lie beside the learner's notebook, by their path there."""
        return {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
            and path != self._source_file
            and not KEPT_BACK & set(path.relative_to(self.folder).parts)
        }

    @property
    def missing_pages(self) -> list[str]:
        """The pages linked to that are not in the book, where a book lies beside the exercises."""
        book = self.course.folder.parent / "book"
        if not book.is_dir():
            return []
        pages = {p.partition("#")[0] for p in (self.assignment.page, *(t.page for t in self.assignment.task))}
        return sorted(p for p in pages if ".." in p.split("/") or not (book / f"{p}.md").is_file())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything a verdict depends on: source, checks, data and the entry in camp.toml."""
        total = hashlib.sha256(self.assignment.model_dump_json().encode())
        total.update(str(self.course.course.seed).encode())
        for path in (self._source_file, self.folder / "checks.py", *self.data.values()):
            name = path.relative_to(self.folder).as_posix().encode()
            total.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()


def load_exercise(course: Course, assignment_id: str) -> Exercise:
    """Read an exercise and check that its parts fit together.

    Raises:
        UnknownAssignmentError: the course has no such assignment.
        ExerciseError: a file is missing or wrong, a code cell is no Python, or tasks, cells and checks do
            not match.
    """
    assignment = course.find(assignment_id)
    folder = course.folder / assignment.id
    source = read_source(folder / f"{assignment.notebook}.md")
    _name_cells(source)
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
        raise ExerciseError(f"{path} does not load: {first_line(error)}") from error
    checks: dict[str, list[Check]] = {task.id: [] for task in assignment.task if not task.by_hand}
    by_hand = {task.id for task in assignment.task if task.by_hand}
    for value in vars(module).values():
        found = getattr(value, "__camp_check__", None)
        if not isinstance(found, Check):
            continue
        if found.task in by_hand:
            raise ExerciseError(
                f"{path}: {found.name} checks {found.task!r}, which a rubric has graded by hand"
            )
        if found.task not in checks:
            raise ExerciseError(f"{path}: {found.name} checks {found.task!r}, which is no task of camp.toml")
        if type(found.points) is not int or found.points < 1:
            raise ExerciseError(
                f"{path}: {found.name} is worth {found.points!r}; points are whole, from 1 up"
            )
        checks[found.task].append(found)
    return checks


def _require_matching_cells(exercise: Exercise) -> None:
    """Every task has one answer cell with a solution, and a public check and hidden ones, or a rubric."""
    path = exercise.folder / f"{exercise.assignment.notebook}.md"
    known = {task.id for task in exercise.assignment.task}
    seen = [
        (c.metadata.get("task"), c.metadata.get("role"))
        for c in exercise.source.cells
        if c.metadata.get("task") or c.metadata.get("role")
    ]
    for cell in exercise.source.cells:
        if cell.metadata.get("role") != ANSWER and _marks(cell):
            raise ExerciseError(f"{path}: '{BEGIN}' stands outside an answer cell; learners would see it")
    for task, role in seen:
        if task not in known or role not in {ANSWER, CHECK}:
            raise ExerciseError(f"{path}: a cell says task {task!r}, role {role!r}; camp.toml knows no such")
    for entry in exercise.assignment.task:
        _require_task(exercise, path, entry, [role for task, role in seen if task == entry.id])


def _require_task(exercise: Exercise, path: Path, task: Task, roles: list[str]) -> None:
    """A task's cells are those that its kind of grading needs."""
    if task.by_hand and roles != [ANSWER]:
        raise ExerciseError(f"{path}: task {task.id!r} is graded by hand; it needs one answer cell, no check")
    if not task.by_hand and roles != [ANSWER, CHECK]:
        raise ExerciseError(f"{path}: task {task.id!r} needs one answer cell, then one check cell")
    answer = task_cell(exercise.source, task.id, ANSWER)
    if answer is None or _marks(answer) != [BEGIN, END]:
        raise ExerciseError(f"{path}: the answer of {task.id!r} needs one '{BEGIN}', then one '{END}'")
    if not task.by_hand and answer.cell_type != "code":
        raise ExerciseError(f"{path}: the answer of {task.id!r} is text; give it a rubric, or write code")
    if not task.by_hand and not exercise.checks[task.id]:
        raise ExerciseError(f"{exercise.folder / 'checks.py'}: no hidden check for task {task.id!r}")


def _marks(cell: NotebookNode) -> list[str]:
    """The marks of solutions in a cell, in order."""
    return [mark for line in cell.source.splitlines() for mark in (BEGIN, END) if mark.strip("# ") in line]
