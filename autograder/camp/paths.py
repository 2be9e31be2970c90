"""Where things lie: the repository's folders and what is generated under `build/`."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from camp.errors import NotWritableError

_HALF = ".half-"
"""Begins the names of files that are being written."""


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout, from its root."""

    root: Path

    @property
    def exercises(self) -> Path:
        """The sources of the exercises, with `camp.toml`."""
        return self.root / "exercises"

    @property
    def example_class(self) -> Path:
        """The bundled class: one folder per learner."""
        return self.exercises / "example_class"

    @property
    def class_data(self) -> Path:
        """The class that you teach: its roster and its policy. Yours, and not of the repository."""
        return self.root / "class"

    @property
    def build(self) -> Path:
        """Everything generated."""
        return self.root / "build"

    @property
    def site(self) -> Path:
        """The published book."""
        return self.build / "site"

    @property
    def course(self) -> Path:
        """The nbgrader course root, with `gradebook.db`."""
        return self.build / "course"

    @property
    def report(self) -> Path:
        """Grades, verdicts and the class report."""
        return self.build / "report"

    @property
    def results(self) -> Path:
        """The verdicts: `<assignment>/<learner>.json`."""
        return self.report / "results"

    @property
    def work(self) -> Path:
        """The notebooks that a learner works in; never overwritten, never generated anew."""
        return self.root / "work"


def make_folder(path: Path) -> Path:
    """Create a folder for results.

    Raises:
        NotWritableError: it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritableError(f"{path} cannot be made ({error.strerror}); check who owns it") from None
    if not os.access(path, os.W_OK):
        raise NotWritableError(f"{path} cannot be written; check who owns it")
    return path


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file in one step, so that a reader never sees half of it and a failure keeps the old one.

    Args:
        path: the file; its folder is made.
        text: what it will hold.
        durable: have it on the disk before it takes the old one's place, as a power cut demands.

    Raises:
        NotWritableError: it cannot be written.
    """
    data = text.encode("utf-8")
    make_folder(path.parent)
    half: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_HALF, delete=False) as file:
            half = Path(file.name)
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        half.chmod(0o644)
        half.replace(path)
    except OSError as error:
        if half:
            half.unlink(missing_ok=True)
        raise NotWritableError(f"{path} cannot be written ({error.strerror}); earlier results stay") from None


def remove_halves(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder, where nobody else writes now."""
    for path in folder.glob(f"{_HALF}*"):
        path.unlink(missing_ok=True)
