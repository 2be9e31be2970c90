"""What is known of a learner's progress: a small JSON file beside the notebook, begun anew if damaged."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from camp.seat.marks import SCHEMA_VERSION

if TYPE_CHECKING:
    from camp.seat.notebook import Release

PASSED, FAILED = "passed", "failed"
MAX_MESSAGE = 500


@dataclass
class Result:
    """How a task's public check last ended, and on which answer."""

    status: str = ""
    """`passed`, `failed`, or empty where it has not run."""
    message: str = ""
    """Why it failed, in one line."""
    answer: str = ""
    """The hash of the answer that it judged."""
    ran: str = ""
    """The hash of the answer that was last run."""
    at: float = 0.0
    """When that was, in seconds since 1970."""


@dataclass
class State:
    """The results of one notebook's tasks."""

    path: Path
    assignment: str
    release: str
    tasks: dict[str, Result] = field(default_factory=dict)
    told: str = ""
    """What was wrong with the file, or empty; said once."""
    missing: bool = False
    """Whether there was no file yet."""

    def of(self, task: str) -> Result:
        """A task's result, which may be changed."""
        return self.tasks.setdefault(task, Result())

    def save(self) -> str:
        """Write the file in one step; return why that could not be done, or empty."""
        text = json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "assignment": self.assignment,
                "release": self.release,
                "tasks": {name: asdict(result) for name, result in sorted(self.tasks.items())},
            },
            indent=1,
        )
        half = ""
        try:
            handle, half = tempfile.mkstemp(dir=self.path.parent, prefix=".half-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(half).replace(self.path)
        except OSError as error:
            if half:
                Path(half).unlink(missing_ok=True)
            return f"{self.path.parent} cannot be written ({error.strerror}): progress is not kept"
        return ""


def state_file(notebook: Path) -> Path:
    """Where the progress of a notebook is kept."""
    return notebook.with_name(f".{notebook.stem}.progress.json")


def load_state(notebook: Path, release: Release) -> State:
    """Read the progress of a notebook; where there is none that can be used, begin anew and say so."""
    path = state_file(notebook)
    empty = State(path, release.assignment, release.release)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        empty.missing = True
        return empty
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        empty.told = f"{path.name} cannot be read ({why}) and is begun anew"
        return empty
    try:
        raw = json.loads(text)
        of = (raw["schema_version"], raw["assignment"], raw["release"])
        known = {task.id for task in release.tasks}
        tasks = {name: _result(entry) for name, entry in raw["tasks"].items() if name in known}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        empty.told = f"{path.name} was damaged and is begun anew"
        return empty
    if of != (SCHEMA_VERSION, release.assignment, release.release):
        empty.told = f"{path.name} is of another release of this notebook"
        return empty
    return State(path, release.assignment, release.release, tasks)


def _result(raw: dict[str, object]) -> Result:
    """One entry of the file.

    Raises:
        KeyError, TypeError: it is not what `save` writes.
    """
    status, message, answer, ran, at = (raw[n] for n in ("status", "message", "answer", "ran", "at"))
    texts = (status, message, answer, ran)
    if not all(isinstance(text, str) for text in texts) or not isinstance(at, int | float):
        raise TypeError("another type")
    return Result(str(status), str(message), str(answer), str(ran), float(at))
