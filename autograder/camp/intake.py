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

from camp.editions import PANEL_SOURCE, check_id, learner_edition
from camp.exercise import ANSWER, CHECK, Exercise
from camp.integrity import reached_for, works_on_the_simulator

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

MAX_BYTES = 20_000_000
MAX_ANSWER_CHARS = 200_000
MAX_EXTRA_CELLS = 200
MAX_NAMES, MAX_NAME_CHARS = 8, 60


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
    missing: dict[str, str] = field(default_factory=dict)
    """The tasks whose answer cell is not there, each with the finding that says so."""
    on_simulator: str = ""
    """What the learner's code names of the simulated device's own parts, or empty."""


@dataclass(frozen=True)
class Submitted:
    """The bytes of one submission, not yet looked into, so that they can be sent where they are graded."""

    data: bytes
    digest: str
    """SHA-256 of the bytes, or of the reason why there are none."""
    refused: str = ""
    """Why there are no bytes, or empty."""


def read_submitted(path: Path) -> Submitted:
    """Read one submitted file, whatever it is; never raises for what it is, and looks at nothing in it."""
    try:
        data = _read_bytes(path)
    except _UnreadableError as error:
        return Submitted(b"", hashlib.sha256(str(error).encode()).hexdigest(), str(error))
    return Submitted(data, hashlib.sha256(data).hexdigest())


def take_in(path: Path, exercise: Exercise) -> Intake:
    """Read one submitted file, whatever it is; never raises for what is in it."""
    return take_in_submitted(read_submitted(path), exercise)


def take_in_submitted(submitted: Submitted, exercise: Exercise) -> Intake:
    """Take in what was read of a submission, whatever it is; never raises for what is in it."""
    skeleton = learner_edition(exercise)
    if submitted.refused:
        return Intake(skeleton, submitted.digest, refused=submitted.refused)
    try:
        cells = _cells(submitted.data)
    except _UnreadableError as error:
        return Intake(skeleton, submitted.digest, refused=str(error))
    findings, missing = _graft(cells, skeleton, exercise)
    reached = _reached_for(skeleton, exercise)
    findings += [
        f"{where} uses {', '.join(names)}; no task asks for that" for where, names in reached.items()
    ]
    simulated = [name for names in reached.values() for name in names if works_on_the_simulator([name])]
    return Intake(
        skeleton, submitted.digest, findings=findings, missing=missing, on_simulator=", ".join(simulated)
    )


def _read_bytes(path: Path) -> bytes:
    """The file's bytes, if it is an ordinary file of a sensible size."""
    try:
        if path.is_symlink() or not path.is_file():
            raise _UnreadableError(f"{path.name} is not an ordinary file; submit the .ipynb itself")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise _UnreadableError(
            f"{path.name} is larger than {MAX_BYTES:,} bytes; clear its outputs and submit again"
        )
    return data


def _cells(data: bytes) -> list[dict[str, Any]]:
    """The code and text cells of a notebook of format 4 (or 3), as plain dictionaries with text sources."""
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise _UnreadableError(
            "not a notebook: the file is not JSON; submit the .ipynb that you worked in"
        ) from None
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if cells is None and isinstance(raw, dict) and isinstance(raw.get("worksheets"), list):
        sheets = [s.get("cells") for s in raw["worksheets"] if isinstance(s, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise _UnreadableError(
            "not a notebook: the file holds no cells; submit the .ipynb that you worked in"
        )
    kinds = ("code", "markdown")
    return [_plain(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") in kinds]


def _plain(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell reduced to its text, its id and its grade id, each of the right type."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if isinstance(source, str):  # line ends of Windows and of old Macs, which are none of the learner's doing
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    return {
        # Half a surrogate pair is legal in JSON, but no text: it could not be sent to a kernel.
        "source": source.encode("utf-8", "replace").decode() if isinstance(source, str) else "",
        "id": cell["id"] if isinstance(cell.get("id"), str) else "",
        "grade_id": grade_id if isinstance(grade_id, str) else "",
        "code": cell["cell_type"] == "code",
    }


def _graft(
    cells: list[dict[str, Any]], skeleton: NotebookNode, exercise: Exercise
) -> tuple[list[str], dict[str, str]]:
    """Put answers into the skeleton, and the learner's other code before the task cell that it precedes."""
    tasks = [task.id for task in exercise.assignment.task]
    by_hand = {task.id for task in exercise.assignment.task if task.by_hand}
    answer_ids = {name: task for task in tasks for name in (task, f"{task}-{ANSWER}")}
    check_ids = {
        name: task for task in tasks if task not in by_hand for name in (check_id(task), f"{task}-{CHECK}")
    }
    handed_out = {cell.source.strip() for cell in skeleton.cells if cell.cell_type == "code"}
    handed_out |= {PANEL_SOURCE, ""}
    answers: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    waiting: list[str] = []
    findings: list[str] = []
    checked_tasks: set[str] = set()
    for cell in cells:
        answered = answer_ids.get(cell["grade_id"]) or answer_ids.get(cell["id"])
        checked = check_ids.get(cell["grade_id"]) or check_ids.get(cell["id"])
        if not cell["code"] and answered not in by_hand:
            continue
        if answered in answers:
            findings.append(f"the answer cell of {answered!r} is there more than once; the first one counts")
        elif answered:
            answers[answered] = _capped(cell["source"], answered, findings)
            extras.setdefault(f"{answered}-{ANSWER}", []).extend(waiting)
            waiting = []
        elif checked:
            if cell["source"].strip():
                checked_tasks.add(checked)
            if cell["source"].strip() not in handed_out:
                findings.append(f"the check cell of {checked!r} was changed; it is graded as handed out")
            extras.setdefault(f"{checked}-{CHECK}", []).extend(waiting)
            waiting = []
        elif cell["source"].strip() not in handed_out:
            waiting.append(cell["source"])
    # Emptied, it looks like any empty cell; deleted, it is not there: the learner could not check the answer.
    findings += [
        f"the check cell of {task!r} is missing or empty; it is graded as handed out"
        for task in tasks
        if task not in checked_tasks | by_hand
    ]
    missing = {task: f"the answer cell of {task!r} is missing" for task in tasks if task not in answers}
    findings += missing.values()
    findings += _given_cells(cells, skeleton)
    _write(skeleton, answers, extras, findings)
    return findings, missing


def _given_cells(cells: list[dict[str, Any]], skeleton: NotebookNode) -> list[str]:
    """Which of the course's own cells were changed or are missing; they run as handed out in either case."""
    here, ids = {cell["source"].strip() for cell in cells}, {cell["id"] for cell in cells}
    found = []
    for given in skeleton.cells:
        if given.cell_type != "code" or given.metadata.get("nbgrader") or given.source.strip() in here:
            continue
        name = given.source.strip().partition("\n")[0][:MAX_NAME_CHARS]
        if given["id"] in ids:
            found.append(
                f"the course's cell that begins {name!r} was changed; it runs as handed out, then yours"
            )
        else:
            found.append(f"the course's cell that begins {name!r} is missing; it runs as handed out")
    return found


def _reached_for(taken: NotebookNode, exercise: Exercise) -> dict[str, list[str]]:
    """What the learner's own code reaches for that no task asks for, by the cell that does."""
    ours = {cell.source for cell in learner_edition(exercise).cells}
    found: dict[str, list[str]] = {}
    for cell in taken.cells:
        if cell.cell_type != "code" or cell.source in ours:
            continue
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        where = f"the answer of {task!r}" if task else "an added cell"
        if names := reached_for(cell.source):
            found[where] = sorted({*found.get(where, []), *(n[:MAX_NAME_CHARS] for n in names)})[:MAX_NAMES]
    return found


def _capped(source: str, task: str, findings: list[str]) -> str:
    if len(source) <= MAX_ANSWER_CHARS:
        return source
    findings.append(
        f"the answer of {task!r} has {len(source):,} characters; only {MAX_ANSWER_CHARS:,} are read"
    )
    return source[:MAX_ANSWER_CHARS]


def _write(
    skeleton: NotebookNode, answers: dict[str, str], extras: dict[str, list[str]], findings: list[str]
) -> None:
    """Write the answers into the skeleton's cells, and the extra cells before the cells they precede."""
    cells: list[NotebookNode] = []
    left = MAX_EXTRA_CELLS
    for cell in skeleton.cells:
        own = extras.get(cell["id"], [])[:left]
        left -= len(own)
        cells += [new_code_cell(text, id=f"{cell['id']}-extra-{n}") for n, text in enumerate(own, start=1)]
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        # An answer in words that was emptied is as good as untouched: nobody need read it.
        if task in answers and (cell.cell_type == "code" or answers[task].strip()):
            cell.source = answers[task]
        cells.append(cell)
    skeleton.cells = cells
    if sum(map(len, extras.values())) > MAX_EXTRA_CELLS:
        findings.append(f"more than {MAX_EXTRA_CELLS} cells were added; only the first of them are run")
