"""`camp submit`: packs a notebook as the grader and nbgrader's exchange take it, and says what is missing."""

from __future__ import annotations

import getpass
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from camp.errors import CampError, NotWritableError
from camp.paths import Layout, make_folder, write_text
from camp.seat.marks import HANDED_IN, SCHEMA_VERSION, digest_of
from camp.seat.notebook import Notebook, NotebookError, read_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_PACKED = 20_000_000
"""Bytes that the grader reads of a submission: see `camp.intake`."""
USUAL_FOLDER = "handed-in"
INBOUND = "inbound"
"""The name of the folder of nbgrader's exchange that submissions come into."""
TIMESTAMP_FILE = "timestamp.txt"
_NAME = re.compile(r"[\w@][\w@.\- ]{0,63}")


class LearnerNameError(CampError):
    """A learner's name cannot be the name of a folder."""


@dataclass(frozen=True)
class Packed:
    """What was packed, and what is to be said about it."""

    path: Path
    sha256: str
    """The first characters of the file's SHA-256, for who wants to compare."""
    notices: list[str] = field(default_factory=list)


def pack(notebook: Notebook, learner: str, folder: Path, now: Callable[[], datetime] | None = None) -> Packed:
    """Write `<folder>/<learner>/<assignment>/<notebook>.ipynb`, and when it was handed in beside it.

    In a folder called `inbound`, it is what nbgrader's exchange has there: `<learner>+<assignment>+<time>/`.
    However little the notebook answers, it is packed.

    Args:
        notebook: what is handed in, as saved.
        learner: whose it is; the name by which the instructor knows them.
        folder: where to.
        now: the time, in UTC.

    Raises:
        LearnerNameError: the name cannot be a folder's.
        NotWritableError: the folder cannot be written.
    """
    require_name(learner)
    release = notebook.release
    when = (now or _utc_now)().strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    place = folder / learner / release.assignment
    if folder.resolve().name == INBOUND:
        place = folder / f"{learner}+{release.assignment}+{when}"
    text, notices = _text(notebook, learner)
    target = make_folder(place) / f"{release.notebook}.ipynb"
    if target.resolve() == notebook.path.resolve():
        raise NotWritableError(f"{target} is the notebook itself; give another folder with --to")
    write_text(target, text)
    write_text(target.with_name(TIMESTAMP_FILE), when)
    return Packed(target, digest_of(text.encode("utf-8")), notices)


def learner_name(given: str | None) -> str:
    """Who hands in: the name given, JupyterHub's, or the one that this machine knows.

    Raises:
        LearnerNameError: none can be found.
    """
    if given is not None:
        return given
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise LearnerNameError("this machine does not know your name; give it with --as NAME") from None


def require_name(learner: str) -> None:
    """Refuse a name that no folder can have on every system, or that nbgrader could not tell.

    Raises:
        LearnerNameError: it is none.
    """
    if not _NAME.fullmatch(learner) or learner.endswith((".", " ")):
        raise LearnerNameError(
            f"the name {learner!r} cannot be a folder's; give --as NAME of letters, digits, '.', '-' and '_'"
        )


def about_release(notebook: Notebook, start: Path | None = None) -> list[str]:
    """Whether the notebook has another name than released, or is of a release that is no longer the newest.

    The newest is looked for in the checkout that the notebook, or `start`, lies in; without one, it is not
    known, and nothing is said.
    """
    release, found = notebook.release, []
    if notebook.path.name != f"{release.notebook}.ipynb":
        found.append(f"{notebook.path.name} is packed under its right name, {release.notebook}.ipynb")
    for root in dict.fromkeys([*notebook.path.resolve().parents, *_upwards(start)]):
        if not (root / "exercises" / "camp.toml").is_file():
            continue
        released = Layout(root).course / "release"
        newest = released / release.assignment / f"{release.notebook}.ipynb"
        if not newest.is_file():
            if released.is_dir():
                found.append(f"this course has released no {release.assignment}; ask your instructor")
            break
        try:
            other = read_notebook(newest).release.release
        except NotebookError:
            break
        if other != release.release:
            found.append(
                f"there is a newer release of {release.assignment} ({other}, yours is {release.release}); "
                "the grader puts your answers into the newest"
            )
        break
    return found


def _upwards(start: Path | None) -> list[Path]:
    return [start.resolve(), *start.resolve().parents] if start else []


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _text(notebook: Notebook, learner: str) -> tuple[str, list[str]]:
    """The notebook with who hands it in; without its outputs, where it is too large with them."""
    release = notebook.release
    raw = {**notebook.raw, "metadata": {**notebook.raw["metadata"]}}
    raw["metadata"][HANDED_IN] = {
        "schema_version": SCHEMA_VERSION,
        "course": release.course,
        "assignment": release.assignment,
        "release": release.release,
        "learner": learner,
    }
    text = _dumped(raw)
    size = len(text.encode("utf-8"))
    if size <= MAX_PACKED:
        return text, []
    raw["cells"] = [_without_outputs(cell) for cell in raw["cells"]]
    text = _dumped(raw)
    notices = [
        f"its outputs are left out: with them it has {size:,} bytes, and the grader reads {MAX_PACKED:,}"
    ]
    if len(text.encode("utf-8")) > MAX_PACKED:
        notices.append(f"it is still larger than {MAX_PACKED:,} bytes: the grader will refuse it; shorten it")
    return text, notices


def _dumped(raw: dict[str, Any]) -> str:
    """As Jupyter writes notebooks; half a surrogate pair, which is no text, stays an escape."""
    try:
        text = json.dumps(raw, indent=1, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(raw, indent=1)
    return text + "\n"


def _without_outputs(cell: Any) -> Any:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return cell
    return {**cell, "outputs": [], "execution_count": None}
