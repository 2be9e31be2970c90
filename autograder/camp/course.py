"""The course as data: `exercises/camp.toml`, checked against a schema."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from camp.errors import CourseError, UnknownAssignmentError

COURSE_FILE = "camp.toml"
HINTS_PER_TASK = 3

Name = Annotated[str, Field(min_length=1)]
TaskId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]  # a cell's id may have 64
AssignmentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class _Strict(BaseModel):
    """A misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Criterion(_Strict):
    """One line of a rubric: what earns how many points."""

    points: int = Field(gt=0)
    text: Name


class Task(_Strict):
    """One task: what it proves, how long it takes, where to read, and its ladder of hints.

    A task with a rubric is an answer in words, graded by hand; every other is graded by its hidden checks.
    """

    id: TaskId
    title: Name
    objective: Name
    minutes: int = Field(gt=0)
    page: Name
    hints: list[Name]
    points: int | None = Field(default=None, gt=0)
    """What a task graded by hand is worth; the points of the others are those of their hidden checks."""
    rubric: list[Criterion] = []

    @property
    def by_hand(self) -> bool:
        """Whether a person grades it."""
        return bool(self.rubric)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(criterion.points for criterion in self.rubric)
        if (self.points or 0) != total:
            raise ValueError(f"points is {self.points}, the rubric adds up to {total}; give both, the same")
        return self

    @field_validator("hints")
    @classmethod
    def _three(cls, hints: list[str]) -> list[str]:
        if len(hints) != HINTS_PER_TASK:
            raise ValueError(f"has {len(hints)} hints; a ladder has {HINTS_PER_TASK}")
        return hints


class Assignment(_Strict):
    """One assignment: a folder of `exercises/`, one notebook, its tasks in order."""

    id: AssignmentId
    title: Name
    notebook: AssignmentId
    page: Name
    minutes: int = Field(gt=0)
    cell_timeout: int = Field(default=30, gt=0)
    """Seconds of wall time that one answer cell, or one probe of a hidden check, may take."""
    task: list[Task] = Field(min_length=1)

    @field_validator("task")
    @classmethod
    def _distinct(cls, tasks: list[Task]) -> list[Task]:
        ids = [task.id for task in tasks]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"task id used twice: {', '.join(twice)}")
        return tasks


class CourseInfo(_Strict):
    """What holds for the whole course."""

    id: AssignmentId
    title: Name
    site: str = "http://localhost:8000"
    """Where the published book is, for the links from notebooks to pages."""
    repository: str = ""
    """The Git repository that holds the book, for the button that opens a page with a kernel."""
    branch: str = "main"
    hub: str = ""
    """A JupyterHub with nbgitpuller, for that button; the book shows it only where this is set."""
    binder: str = ""
    """A BinderHub, likewise."""
    seed: int = 0
    """Seeds the values that hidden checks choose, together with the learner and the task."""


class Course(_Strict):
    """The whole of `camp.toml`, and the folder it lies in."""

    course: CourseInfo
    assignment: list[Assignment] = Field(min_length=1)
    folder: Path = Path()

    @field_validator("assignment")
    @classmethod
    def _distinct(cls, assignments: list[Assignment]) -> list[Assignment]:
        ids = [assignment.id for assignment in assignments]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"assignment id used twice: {', '.join(twice)}")
        return assignments

    def find(self, assignment_id: str) -> Assignment:
        """Return the assignment of that id.

        Raises:
            UnknownAssignmentError: there is none; the message names the nearest.
        """
        for assignment in self.assignment:
            if assignment.id == assignment_id:
                return assignment
        known = [a.id for a in self.assignment]
        near = difflib.get_close_matches(assignment_id, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"the course has: {', '.join(known)}"
        raise UnknownAssignmentError(f"no assignment is called {assignment_id!r}; {hint}")


def load_course(folder: Path) -> Course:
    """Read `camp.toml` of a folder of exercises.

    Raises:
        CourseError: the file is missing or wrong; the message names the field.
    """
    path = folder / COURSE_FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{path} does not exist; run camp in the course's root or give --course") from None
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not TOML: {error}; mend that line") from None
    if "folder" in data:  # ours, and no key of the file
        raise CourseError(f"{path}: folder: Extra inputs are not permitted; mend that entry")
    try:
        return Course(**data, folder=folder.resolve())
    except ValidationError as error:
        raise CourseError(f"{path}: {first_fault(error, data)}; mend that entry") from None


def first_fault(error: ValidationError, data: dict[str, Any]) -> str:
    """Say the first fault of a validation in one line, with the place and the value."""
    errors = error.errors()
    # A misspelt key is told before the field that is missing because of it.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    place = _place(first["loc"], data)
    if first["type"] == "missing":
        return f"{place}: Field required"  # the value would be all that stands around it
    says = (
        "should be a table" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
    )
    return f"{place}: {says} (it is {_cut(repr(first['input']))})"


def _place(loc: tuple[int | str, ...], data: Any) -> str:
    """A place in the file, assignments and tasks by their ids where they have one."""
    named: list[str] = []
    rest: list[str] = []
    for at, part in enumerate(loc):
        data = _within(data, part)
        rest.append(str(part))
        entry = data.get("id") if isinstance(data, dict) and isinstance(part, int) else None
        if isinstance(entry, str) and entry:
            named.append(f"{loc[at - 1]} {_cut(repr(entry))}")
            rest = []
    return ", ".join([*named, ".".join(rest)] if rest else named)


def _within(data: Any, part: int | str) -> Any:
    """What lies under a key or an index; None where there is none."""
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _cut(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "..."  # noqa: PLR2004
