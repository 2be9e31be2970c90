"""The roster: who is in the class, from `class/roster.csv`."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from camp.errors import CampError

if TYPE_CHECKING:
    from pathlib import Path

ROSTER_FILE = "roster.csv"
COLUMNS = ("id", "first_name", "last_name", "email", "group", "lms_id")


class RosterError(CampError):
    """The roster cannot be read, or a submission came from somebody who is not on it."""


class Learner(BaseModel):
    """A line of the roster."""

    model_config = ConfigDict(frozen=True)

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    group: str = ""
    lms_id: str = ""


def load_roster(path: Path) -> dict[str, Learner] | None:
    """Read a roster; None where there is none, and then everyone is accepted.

    The first line names the columns: `id`, the name of the learner's folder of submissions, and any of
    `first_name`, `last_name`, `email`, `group`, `lms_id`.

    Raises:
        RosterError: it cannot be read, a column is unknown, an id is missing or there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark at the start
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RosterError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError:
        raise RosterError(f"{path} is not UTF-8; save it as 'CSV UTF-8'") from None
    rows = csv.DictReader(text.splitlines(), strict=True)
    try:
        columns = [name.strip() for name in rows.fieldnames or ()]
        _require_columns(path, columns)
        rows.fieldnames = columns
        return _learners(path, rows)
    except csv.Error as error:
        raise RosterError(f"{path}, line {rows.line_num}: {error}; mend that line") from None


def _require_columns(path: Path, columns: list[str]) -> None:
    known = ", ".join(COLUMNS)
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise RosterError(f"{path} has a column {unknown[0]!r}; the first line names columns of {known}")
    if "id" not in columns or len(set(columns)) < len(columns):
        raise RosterError(f"{path} needs one column 'id'; the first line names columns of {known}, each once")


def _learners(path: Path, rows: csv.DictReader[str]) -> dict[str, Learner]:
    learners: dict[str, Learner] = {}
    for row in rows:
        if None in row:
            raise RosterError(f"{path}, line {rows.line_num}: has more values than columns; quote a comma")
        learner = Learner(**{name: (value or "").strip() for name, value in row.items()})
        if not learner.id:
            raise RosterError(f"{path}, line {rows.line_num}: has no id; give the learner's folder's name")
        if learner.id in learners:
            raise RosterError(f"{path}, line {rows.line_num}: {learner.id!r} is there twice; keep one line")
        learners[learner.id] = learner
    return learners
