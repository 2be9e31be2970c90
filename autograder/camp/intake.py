"""Reading a submission as a stranger's bytes: only answers and extra code are taken from it.

The learner's answers are grafted into our own skeleton, so nothing else of the file can matter: not its
metadata, its test cells, its ids or its schema version. What was changed or missing is said in words.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbformat.v4 import new_code_cell

from camp.editions import check_id, learner_edition
from camp.exercise import ANSWER, Exercise

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

MAX_BYTES = 20_000_000
MAX_ANSWER_CHARS = 200_000
MAX_EXTRA_CELLS = 200


class _UnreadableError(Exception):
    """The bytes are not a notebook; the text says why."""


@dataclass
class Intake:
    """A submission, taken in."""

    notebook: NotebookNode
    """Our skeleton with the learner's answers and extra cells in it."""
    digest: str
    """SHA-256 of the submitted bytes."""
    refused: str = ""
    """Why nothing could be read, or empty."""
    findings: list[str] = field(default_factory=list)


def take_in(path: Path, exercise: Exercise) -> Intake:
    """Read one submitted file, whatever it is; never raises for what is in it."""
    skeleton = learner_edition(exercise)
    try:
        data = _read_bytes(path)
    except _UnreadableError as error:
        return Intake(skeleton, hashlib.sha256(str(error).encode()).hexdigest(), refused=str(error))
    digest = hashlib.sha256(data).hexdigest()
    try:
        cells = _cells(data)
    except _UnreadableError as error:
        return Intake(skeleton, digest, refused=str(error))
    return Intake(skeleton, digest, findings=_graft(cells, skeleton, exercise))


def _read_bytes(path: Path) -> bytes:
    """The file's bytes, if it is an ordinary file of a sensible size."""
    if path.is_symlink() or not path.is_file():
        raise _UnreadableError(f"{path.name} is not an ordinary file; submit the .ipynb itself")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _UnreadableError(
                f"{path.name} has {size:,} bytes, at most {MAX_BYTES:,} are read; "
                "clear its outputs and submit again"
            )
        return path.read_bytes()
    except OSError as error:
        raise _UnreadableError(f"{path.name} cannot be read: {error.strerror}") from None


def _cells(data: bytes) -> list[dict[str, Any]]:
    """The code cells of a notebook of format 4 (or 3), as plain dictionaries with text sources."""
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise _UnreadableError(
            "not a notebook: the file is not JSON; submit the .ipynb that you worked in"
        ) from None
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if cells is None and isinstance(raw, dict) and isinstance(raw.get("worksheets"), list):
        cells = [c for sheet in raw["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells", [])]
    if not isinstance(cells, list):
        raise _UnreadableError(
            "not a notebook: the file holds no cells; submit the .ipynb that you worked in"
        )
    return [_plain(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def _plain(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell reduced to its text, its id and its grade id, each of the right type."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    return {
        "source": source if isinstance(source, str) else "",
        "id": cell["id"] if isinstance(cell.get("id"), str) else "",
        "grade_id": grade_id if isinstance(grade_id, str) else "",
    }


def _graft(cells: list[dict[str, Any]], skeleton: NotebookNode, exercise: Exercise) -> list[str]:
    """Put answers, and extra code cells before the answer they precede, into the skeleton."""
    tasks = [task.id for task in exercise.assignment.task]
    by_id = {f"{task}-{ANSWER}": task for task in tasks}
    own = {cell["id"] for cell in skeleton.cells} | {check_id(task) for task in tasks}
    own_sources = {cell.source.strip() for cell in skeleton.cells if cell.cell_type == "code"}
    answers: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    waiting: list[str] = []
    findings: list[str] = []
    for cell in cells:
        task = cell["grade_id"] if cell["grade_id"] in tasks else by_id.get(cell["id"])
        if task in answers:
            findings.append(f"the answer cell of {task!r} is there more than once; the first one counts")
        elif task:
            answers[task] = _capped(cell["source"], task, findings)
            extras[task], waiting = waiting, []
        elif not ({cell["id"], cell["grade_id"]} & own or cell["source"].strip() in own_sources | {""}):
            waiting.append(cell["source"])
    findings += [f"the answer cell of {task!r} is missing" for task in tasks if task not in answers]
    _write(skeleton, answers, extras)
    return findings


def _capped(source: str, task: str, findings: list[str]) -> str:
    if len(source) <= MAX_ANSWER_CHARS:
        return source
    findings.append(
        f"the answer of {task!r} has {len(source):,} characters; only {MAX_ANSWER_CHARS:,} are read"
    )
    return source[:MAX_ANSWER_CHARS]


def _write(skeleton: NotebookNode, answers: dict[str, str], extras: dict[str, list[str]]) -> None:
    """Write the answers into the skeleton's cells, and the extra cells before them."""
    cells: list[NotebookNode] = []
    kept = 0
    for cell in skeleton.cells:
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        if task in answers:
            for number, source in enumerate(extras[task], start=1):
                if kept < MAX_EXTRA_CELLS:
                    cells.append(new_code_cell(source, id=f"{task}-extra-{number}"))
                    kept += 1
            cell.source = answers[task]
        cells.append(cell)
    skeleton.cells = cells
