"""A learner's notebook taken over into a newer release: what the learner wrote, in the course's new cells.

The course's cells come from the new release. Into them go the learner's answers; between them stay the cells
that the learner added, and whatever the learner wrote over a cell of the course. Nothing that a person typed
is left out, and nothing is run that was not run before: it is graded as the notebook was.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camp.archive import text_digest

if TYPE_CHECKING:
    from camp.archive import Part

Cell = dict[str, Any]
_TOP = ""
"""Stands for the place before the first cell of the course."""
_KEPT = ("cell_type", "source", "metadata", "outputs", "execution_count", "attachments")


class NotNotebookError(Exception):
    """The bytes are no notebook; the text says why."""


@dataclass
class Merged:
    """A notebook of the new release with the learner's work in it.

    Attributes:
        notebook: it, as JSON's values.
        told: what the learner should know, a line each.
        answered: the tasks whose answers were taken over.
    """

    notebook: dict[str, Any]
    told: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)


def read_notebook(data: bytes) -> dict[str, Any]:
    """The notebook in a file's bytes, every cell with its text as one string.

    Raises:
        NotNotebookError: it is no notebook of format 4.
    """
    try:
        notebook: Any = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotNotebookError("it is not JSON") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotNotebookError("it holds no list of cells")
    for cell in cells:
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        if not all(isinstance(line, str) for line in lines) or not isinstance(cell.get("cell_type"), str):
            raise NotNotebookError("a cell of it has no text or no type")
        cell["source"] = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    read: dict[str, Any] = notebook
    return read


def write_notebook(notebook: dict[str, Any]) -> bytes:
    """A notebook's file, as nbformat writes it."""
    # Half a surrogate pair is legal in JSON, but cannot be written as UTF-8.
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode(
        "utf-8", "replace"
    )


def grade_id(cell: Cell) -> str:
    """The id under which nbgrader knows a cell, or an empty text."""
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    found = grading.get("grade_id") if isinstance(grading, dict) else None
    return found if isinstance(found, str) else ""


def is_answer(cell: Cell) -> bool:
    """Whether nbgrader's metadata calls a cell one that the learner answers in."""
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return isinstance(grading, dict) and grading.get("solution") is True


def has_work(notebook: dict[str, Any], parts: list[Part]) -> bool:
    """Whether a notebook is one of these assignments', by its answer cells."""
    tasks = {task for part in parts for task in part.tasks}
    return any(is_answer(cell) and grade_id(cell) in tasks for cell in notebook["cells"])


class _Merge:
    """One notebook being taken over."""

    def __init__(self, mine: dict[str, Any], new: dict[str, Any], was: Part | None, now: Part) -> None:
        self.made = copy.deepcopy(new)
        self.cells: dict[str, Cell] = {cell["id"]: cell for cell in self.made["cells"]}
        self.was, self.now = was, now
        self.answers = {grade_id(cell): cell for cell in self.made["cells"] if is_answer(cell)}
        self.by_grade_id = {grade_id(cell): cell["id"] for cell in self.made["cells"] if grade_id(cell)}
        self.handed_out = {text_digest(cell["source"]): cell["id"] for cell in reversed(self.made["cells"])}
        self.were = dict(was.cells) if was else {}
        self.old_texts = set(self.were.values())
        self.places = {cell["id"]: place for place, cell in enumerate(self.made["cells"])}
        self.added: dict[str, list[Cell]] = {}
        self.done: set[str] = set()
        self.anchor = _TOP
        self.reached: set[str] = set()
        self.result = Merged(self.made)
        self.names = {cell["id"] for cell in self.made["cells"]}
        graded = set(self.by_grade_id.values())
        last = max((n for n, cell in enumerate(mine["cells"]) if self.known_as(cell) in graded), default=-1)
        self.last_graded = max(graded, key=lambda name: self.places[name], default=_TOP)
        for number, cell in enumerate(mine["cells"]):
            self.at_end = number > last
            self.take(cell)
        self.put_together()
        for key in ("kernelspec", "language_info"):  # the learner's own kernel may have another name
            if isinstance(mine.get("metadata"), dict) and key in mine["metadata"]:
                self.made["metadata"][key] = mine["metadata"][key]

    def take(self, cell: Cell) -> None:
        """Find the place of one of the learner's cells."""
        name = self.known_as(cell)
        text = text_digest(cell["source"])
        if name in self.names and is_answer(self.cells[name]):
            self.reach(name)
            self.take_answer(cell, name)
        elif text in self.handed_out or text in self.old_texts:
            found = name if name in self.names else self.handed_out.get(text, _TOP)
            if self.reach(found):
                self.keep_output(cell, found)
        elif not cell["source"].strip():
            self.reach(name)
        elif name in self.names:
            self.reach(name)
            self.take_changed(cell, name)
        else:
            if is_answer(cell) and (task := grade_id(cell)):
                self.say(f"the task {task!r} is no longer there; your answer stays, as a cell of your own")
            self.add(cell)

    def reach(self, name: str) -> bool:
        """Go on to one of the course's cells; never back, where a cell stands twice or was moved up."""
        if self.places.get(name, -1) <= self.places.get(self.anchor, -1):
            return False
        self.anchor = name
        self.reached.add(name)
        return True

    def known_as(self, cell: Cell) -> str:
        """The id of the course's cell that a cell is, by what nbgrader calls it, else by its own id."""
        found = self.by_grade_id.get(grade_id(cell), "") if grade_id(cell) else cell.get("id", "")
        return found if isinstance(found, str) else ""

    def take_answer(self, cell: Cell, name: str) -> None:
        """Put an answer into its cell; a second one to the same task never counted, and is kept as text."""
        task, target = grade_id(self.cells[name]), self.cells[name]
        untouched = text_digest(cell["source"]) in (self.were.get(name), text_digest(target["source"]))
        if name in self.done:
            if not untouched and cell["source"].strip() and cell["source"] != target["source"]:
                self.say(f"{task!r} was answered in two cells; the first counts, the other is kept as text")
                self.add(as_text(cell, f"A second answer to `{task}`, which does not count:"))
            return
        self.done.add(name)
        if untouched or (target["cell_type"] == "markdown" and not cell["source"].strip()):
            return
        if cell["cell_type"] != target["cell_type"]:
            self.say(f"the answer to {task!r} is {target['cell_type']} now; yours is kept as text beside it")
            self.add(as_text(cell, f"Your answer to `{task}` before the upgrade:"))
            return
        target["source"] = cell["source"]
        self.keep_output(cell, name)
        if "attachments" in cell:
            target["attachments"] = cell["attachments"]
        self.result.answered.append(task)
        if self.was and any(self.changed(f"{task}-{kind}") for kind in ("about", "check", "answer")):
            self.say(
                f"the task {task!r} has changed; your answer is kept: read the task and run its check again"
            )

    def changed(self, name: str) -> bool:
        """Whether the course hands out a cell otherwise than it did."""
        return name in self.names and self.now.cells.get(name) != self.were.get(name)

    def take_changed(self, cell: Cell, name: str) -> None:
        """Keep what the learner made of one of the course's cells, beside the course's own."""
        first = self.cells[name]["source"].strip().partition("\n")[0][:40]
        if grade_id(self.cells[name]):
            self.say(
                f"the check that begins {first!r} was changed by you; yours is kept as text, it never counted"
            )
            self.add(as_text(cell, "Your version of the check above:"))
        else:
            self.say(f"the course's cell that begins {first!r} was changed by you; yours is kept after it")
            self.add(cell)

    def keep_output(self, cell: Cell, name: str) -> None:
        """Keep what a cell printed where its text is the same."""
        target = self.cells.get(name)
        if target is None or target["cell_type"] != "code" or target["source"] != cell["source"]:
            return
        if isinstance(cell.get("outputs"), list):
            target["outputs"] = cell["outputs"]
            target["execution_count"] = cell.get("execution_count")

    def add(self, cell: Cell) -> None:
        """Keep a cell that stood after the last of the course's cells."""
        early = self.places.get(self.anchor, -1) < self.places.get(self.last_graded, -1)
        # After the learner's last answer the grader runs nothing: nothing of that may come before an answer.
        self.added.setdefault(self.last_graded if self.at_end and early else self.anchor, []).append(cell)

    def say(self, line: str) -> None:
        self.result.told.append(line)

    def put_together(self) -> None:
        """Set the learner's cells among the course's, each before the one that it stood before.

        Cells of the course that the learner's notebook lacked come before them: the grader runs what stands
        before an answer or a check, and nothing else may come to stand there.
        """
        cells: list[Cell] = []
        waiting = self.added.get(_TOP, [])
        for cell in self.made["cells"]:
            if cell["id"] in self.reached:
                cells += map(self.own, waiting)
                waiting = []
            cells.append(cell)
            waiting = [*waiting, *self.added.get(cell["id"], [])]
        self.made["cells"] = [*cells, *map(self.own, waiting)]

    def own(self, cell: Cell) -> Cell:
        """A learner's cell as it is kept: with an id that nobody else has, unknown to nbgrader."""
        kept = {key: copy.deepcopy(cell[key]) for key in _KEPT if key in cell}
        metadata = kept.get("metadata")
        kept["metadata"] = (
            {k: v for k, v in metadata.items() if k != "nbgrader"} if isinstance(metadata, dict) else {}
        )
        if kept["cell_type"] == "code":
            kept.setdefault("outputs", [])
            kept.setdefault("execution_count", None)
        name = cell.get("id")
        number = len(self.names)
        while not isinstance(name, str) or not name or name in self.names:
            name, number = f"kept-{number:03d}", number + 1
        self.names.add(name)
        kept["id"] = name
        return kept


def as_text(cell: Cell, heading: str) -> Cell:
    """A cell as Markdown that shows its text and runs nothing."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cell["source"])), default=0))
    return {
        "cell_type": "markdown",
        "metadata": {},
        "source": f"{heading}\n\n{fence}\n{cell['source']}\n{fence}",
    }


def merge(mine: dict[str, Any], new: dict[str, Any], was: Part | None, now: Part) -> Merged:
    """Take a learner's notebook over into a newer release.

    Args:
        mine: the learner's, as `read_notebook` reads it.
        new: the new release's, likewise.
        was: what the release that the learner had said of the assignment; None if it had none.
        now: what the new one says of it.
    """
    return _Merge(mine, new, was, now).result


def digests(notebook: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of the text of each cell of a released notebook, by its id."""
    return {cell["id"]: text_digest(cell["source"]) for cell in notebook["cells"]}
