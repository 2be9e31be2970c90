"""A whole project: checked, walked, converted into a new folder; the steps that both tools share."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, NamedTuple

from ms_fmk_transplt import circular, tree
from ms_fmk_transplt.errors import (
    InputMissingError,
    OutputExistsError,
    OutputInsideInputError,
    OutputMissingError,
    OutputRefusedError,
    VersionError,
)
from ms_fmk_transplt.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ms_fmk_transplt.convert import Options
    from ms_fmk_transplt.reports import Tables
    from ms_fmk_transplt.rules import Rules

LOG_BYTES, LOG_FILES = 1_000_000, 9  # as in the real tool: files of 1 MB, ten at most


class Counts(NamedTuple):
    """How much was found in a file."""

    changes: int
    unsupported: int
    unknown: int


@dataclass
class Result:
    """What became of a project."""

    folder: Path
    files: dict[str, Counts] = field(
        default_factory=dict
    )  # what was found in each; the rest is in the reports
    faults: dict[str, tree.Fault] = field(default_factory=dict)
    seen: int = 0
    rows: dict[str, int] = field(default_factory=dict)


def check(source: Path, output: Path, version: str, rules: Rules) -> None:
    """Check what both tools ask for.

    Raises:
        InputMissingError, OutputMissingError, VersionError: as their names say.
    """
    if not source.exists():
        raise InputMissingError(f"-i '{source}' does not exist; give the folder of the training scripts")
    if not output.is_dir():
        raise OutputMissingError(f"-o '{output}' is no folder; make it first")
    if version not in rules.versions:
        known = ", ".join(rules.versions)
        raise VersionError(f"-v '{version}' is no PyTorch version that the rules know; give one of {known}")


def result_folder(source: Path, output: Path, ending: str) -> Path:
    """The folder of the result, `<project>_<ending>` in `output`, not made yet.

    Raises:
        OutputExistsError: it is there already.
        OutputInsideInputError: it would lie in the project itself.
    """
    name = source.resolve().name if source.is_dir() else source.stem
    folder = output / f"{name}_{ending}"
    if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
        raise OutputInsideInputError(
            f"-o '{output}' lies in the project '{source}'; give a folder outside of it"
        )
    if folder.exists() or folder.is_symlink():
        raise OutputExistsError(f"'{folder}' exists already; remove it or give another -o")
    return folder


def make(folder: Path) -> None:
    """Make the folder of the result.

    Raises:
        OutputRefusedError: nothing can be written there.
    """
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputRefusedError(
            f"'{folder}' cannot be made: {error.strerror}; give an -o that you may write to"
        ) from None


@contextmanager
def log(path: Path) -> Iterator[logging.Logger]:
    """The log of a run, rotated as the real tool does."""
    logger = logging.getLogger(f"ms_fmk_transplt.{path}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s"))
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


@dataclass
class Job:
    """One walk over a project, which is only ever read."""

    source: Path
    result: Result
    rules: Rules
    options: Options
    logger: logging.Logger
    tables: Tables
    copy: bool  # whether the files are written to the result's folder
    converted: bool = True  # and whether as converted or as they are
    further: Callable[[str, bytes, Findings], bytes] | None = None  # what else becomes of a Python file

    def run(self, step: Callable[[str], None]) -> None:
        """Treat every file, and fill in the result; `step` is told each file's name, for progress."""
        root = self.source if self.source.is_dir() else self.source.parent
        for path in tree.walk(self.source):
            name = path.relative_to(root).as_posix()
            step(name)
            self._treat(path, root, name)
            if (fault := self.result.faults.get(name)) is not None:
                self.logger.error("%s:%d %s", name, fault.line, fault.reason)
            elif name in self.result.files:
                self.logger.info("%s: %d changes", name, self.result.files[name].changes)
        for name, fault in circular.find(self.source).items():
            self.result.faults.setdefault(name, fault)
            self.logger.error("%s:%d %s", name, fault.line, fault.reason)

    def _treat(self, path: Path, root: Path, name: str) -> None:
        result = self.result
        result.seen += 1
        if path.is_symlink():
            _link(path, root, name, result, copy=self.copy)
            return
        outcome = tree.treat(path, self.rules, self.options)
        if outcome.fault is not None:
            result.faults[name] = outcome.fault
        elif self.further is not None and path.suffix == ".py":
            before = path.read_bytes() if outcome.data is None else outcome.data
            after = self.further(name, before, outcome.findings)
            outcome.data = after if after != before else outcome.data
        found = outcome.findings
        if found != Findings():
            result.files[name] = Counts(len(found.changes), len(found.unsupported), len(found.unknown))
            self.tables.add(name, found)
        if self.copy:
            _place(path, result.folder / name, outcome.data if self.converted else None, name, result)


def _place(path: Path, target: Path, data: bytes | None, name: str, result: Result) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        return  # a pipe or a socket, reported already
    try:
        if data is None:
            shutil.copy2(path, target)
        else:
            target.write_bytes(data)
            shutil.copymode(path, target)
    except (OSError, shutil.SpecialFileError) as error:
        result.faults.setdefault(
            name, tree.Fault(1, f"cannot be copied: {getattr(error, 'strerror', error)}")
        )


def _link(path: Path, root: Path, name: str, result: Result, *, copy: bool) -> None:
    """A link within the project is copied as a link; one that leads out is reported and left."""
    to = path.readlink()
    inside = not to.is_absolute() and (path.parent / to).resolve().is_relative_to(root.resolve())
    if not inside:
        result.faults[name] = tree.Fault(1, f"is a link to '{to}' outside of the project; it is left out")
    elif copy:
        target = result.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(to)
