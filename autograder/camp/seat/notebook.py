"""A learner's notebook as its seat sees it: the stamp of its release, and its cells, each with its part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camp.errors import CampError
from camp.seat.marks import KEY, PANEL, SCHEMA_VERSION, answer_id, check_ids, digest

if TYPE_CHECKING:
    from pathlib import Path

ANSWER, CHECK, GIVEN, SHOWS, OWN = "answer", "check", "given", "panel", "own"
"""What a cell is: an answer, a public check, the course's own, the progress panel, or the learner's own."""
MAX_BYTES = 500_000_000
"""No notebook is larger: JupyterLab itself gives up before."""


class NotebookError(CampError):
    """A file is no notebook of the course, or cannot be read."""


@dataclass(frozen=True)
class Task:
    """One task, as the notebook's stamp says it."""

    id: str
    title: str
    points: int
    minutes: int
    page: str
    by_hand: bool


@dataclass(frozen=True)
class Release:
    """What a notebook was released as."""

    course: str
    assignment: str
    title: str
    notebook: str
    release: str
    page: str
    cell_timeout: int
    stubs: tuple[str, ...]
    tasks: tuple[Task, ...]
    cells: dict[str, str]
    """Hashes of the code cells that the grader takes as handed out, by id and in order; of answers, empty."""
    data: dict[str, str]
    """Hashes of the files beside the notebook."""


@dataclass(frozen=True)
class Cell:
    """One cell of the learner's notebook."""

    id: str
    code: bool
    source: str
    part: str
    task: str = ""
    """The task of an answer or a check."""
    count: int | None = None
    """Its number in the kernel's count, where it was run."""
    failed: bool = False
    """Whether its output is an error's."""


@dataclass(frozen=True)
class Notebook:
    """A learner's notebook, as saved."""

    path: Path
    release: Release
    cells: list[Cell]
    raw: dict[str, Any] = field(repr=False, default_factory=dict)
    """The whole file."""
    modified: float = 0.0
    """When it was saved, in seconds since 1970."""

    def answer(self, task: Task) -> Cell | None:
        """The cell with a task's answer, the first if there are several; None where it is gone."""
        return next((c for c in self.cells if (c.part, c.task) == (ANSWER, task.id)), None)

    def check(self, task: Task) -> Cell | None:
        """The cell with a task's public check."""
        return next((c for c in self.cells if (c.part, c.task) == (CHECK, task.id)), None)

    def answered(self, cell: Cell | None) -> bool:
        """Whether an answer cell holds an answer, right or wrong."""
        if cell is None or not cell.source.strip():
            return False
        stubs = self.release.stubs
        return (
            not any(stub in cell.source for stub in stubs) if cell.code else cell.source.strip() not in stubs
        )

    def as_handed_out(self, cell: Cell) -> bool:
        """Whether a cell of the course is as it was released."""
        name = check_ids(cell.task)[0] if cell.part == CHECK else cell.id
        return self.release.cells.get(name) == digest(cell.source)


def read_notebook(path: Path) -> Notebook:
    """Read a learner's notebook.

    Raises:
        NotebookError: it cannot be read, is no notebook, or not one that this course released.
    """
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise NotebookError(f"{path} {what}; give the .ipynb that you work in")
        modified = path.stat().st_mtime
        if path.stat().st_size > MAX_BYTES:
            raise NotebookError(f"{path} is larger than {MAX_BYTES:,} bytes; clear its outputs and save it")
        data = path.read_bytes()
    except OSError as error:
        raise NotebookError(f"{path} cannot be read ({error.strerror}); check who owns it") from None
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotebookError(
            f"{path} is no notebook: it is not JSON; give the .ipynb that you work in"
        ) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise NotebookError(f"{path} is no notebook: it holds no cells; give the .ipynb that you work in")
    release = _release(path, raw)
    cells = [_cell(c, release) for c in raw["cells"] if isinstance(c, dict)]
    return Notebook(path, release, cells, raw, modified)


def _release(path: Path, raw: dict[str, Any]) -> Release:
    """The stamp of a notebook.

    Raises:
        NotebookError: there is none, or it is none that can be read.
    """
    metadata = raw.get("metadata")
    stamp = metadata.get(KEY) if isinstance(metadata, dict) else None
    if stamp is None:
        raise NotebookError(
            f"{path} does not say which assignment it is; copy your answers into the released notebook"
        )
    try:
        if stamp["schema_version"] != SCHEMA_VERSION:
            raise NotebookError(
                f"{path} is of form {stamp['schema_version']!r}, this camp reads form {SCHEMA_VERSION}; "
                "install the camp that the notebook came with"
            )
        tasks = tuple(
            Task(
                id=str(t["id"]),
                title=str(t["title"]),
                points=int(t["points"]),
                minutes=int(t["minutes"]),
                page=str(t["page"]),
                by_hand=bool(t["by_hand"]),
            )
            for t in stamp["tasks"]
        )
        names = ("course", "assignment", "title", "notebook", "release", "page")
        return Release(
            **{name: str(stamp[name]) for name in names},
            cell_timeout=int(stamp["cell_timeout"]),
            stubs=tuple(str(stub) for stub in stamp["stubs"]),
            tasks=tasks,
            cells={str(name): str(text) for name, text in stamp["cells"]},
            data={str(k): str(v) for k, v in stamp["data"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotebookError(
            f"{path}: what it says of its assignment is damaged ({type(error).__name__}: {error}); copy your "
            "answers into the released notebook"
        ) from None


def _cell(raw: dict[str, Any], release: Release) -> Cell:
    source = raw.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    identity = raw["id"] if isinstance(raw.get("id"), str) else ""
    code = raw.get("cell_type") == "code"
    part, task = part_of(identity, _grade_id(raw), release)
    count, outputs = raw.get("execution_count"), raw.get("outputs")
    return Cell(
        id=identity,
        code=code,
        source=source,
        part=part,
        task=task,
        count=count if isinstance(count, int) else None,
        failed=any(isinstance(o, dict) and o.get("output_type") == "error" for o in outputs or ())
        if isinstance(outputs, list)
        else False,
    )


def _grade_id(raw: dict[str, Any]) -> str:
    metadata = raw.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    found = grading.get("grade_id") if isinstance(grading, dict) else None
    return found if isinstance(found, str) else ""


def part_of(identity: str, grade_id: str, release: Release) -> tuple[str, str]:
    """What a cell is, and of which task, by its id and nbgrader's, either of which may be missing."""
    for task in release.tasks:
        if grade_id == task.id or identity == answer_id(task.id):
            return ANSWER, task.id
        if not task.by_hand and (grade_id == check_ids(task.id)[1] or identity == check_ids(task.id)[0]):
            return CHECK, task.id
    if identity.startswith(PANEL):
        return SHOWS, ""
    return (GIVEN, "") if identity in release.cells else (OWN, "")
