"""A delivery as the checks see it: its files as text, its scripts, its addresses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelzoo_delivery.errors import NoFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SKIPPED = {".git", "__pycache__", ".ipynb_checkpoints"}
CODE = {".py", ".sh", ".yaml", ".yml", ".json", ".cfg", ".ini", ".toml"}
LARGEST = 2_000_000  # bytes of a file that is read; a larger one is data


@dataclass(frozen=True)
class Delivery:
    """A folder that is to become a model in ModelZoo.

    Raises:
        NoFolderError: it is no folder.
    """

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise NoFolderError(f"'{self.root}' is no folder; give the delivery's, with README.md in it")

    @property
    def name(self) -> str:
        """The name of the folder, which ModelZoo takes as the network's."""
        return self.root.resolve().name

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return (self.root / path).is_file()

    def text(self, path: str) -> str:
        """A file as text, "" where it cannot be read; a byte that is no UTF-8 becomes a mark."""
        try:
            return (self.root / path).read_bytes().decode("utf-8-sig", errors="replace")
        except OSError:
            return ""

    def lines(self, path: str) -> list[str]:
        """The lines of a file."""
        return self.text(path).splitlines()

    def stream(self, path: str) -> Iterator[str]:
        """The lines of a file that may be long, such as a log, one after the other."""
        try:
            with (self.root / path).open(encoding="utf-8-sig", errors="replace") as lines:
                yield from lines
        except OSError:
            return

    @cached_property
    def files(self) -> list[str]:
        """Every file, by its path with `/`, in order; links are not followed."""
        return sorted(self._walk(self.root))

    def _walk(self, folder: Path) -> Iterator[str]:
        for path in sorted(folder.iterdir()):
            if path.name in SKIPPED or path.is_symlink():
                continue
            if path.is_dir():
                yield from self._walk(path)
            elif path.is_file():
                yield path.relative_to(self.root).as_posix()

    @property
    def code(self) -> list[str]:
        """The files that a training reads as code or settings, logs left out."""
        return [
            name
            for name in self.files
            if any(name.endswith(ending) for ending in CODE)
            and not name.startswith("test/output/")
            and (self.root / name).stat().st_size <= LARGEST
        ]

    @property
    def trainings(self) -> list[str]:
        """The scripts test/train_*.sh."""
        return [name for name in self.files if name.startswith("test/train_") and name.endswith(".sh")]
