"""What was changed in a file and what was found in it: the rows of the tool's reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Lines(NamedTuple):
    """Where: first and last line, counted from 1, in the file as it was.

    In a notebook they are counted in the code cell of that number, also from 1; elsewhere `cell` is 0.
    """

    start: int
    end: int
    cell: int = 0


class Change(NamedTuple):
    """A row of change_list.csv."""

    where: Lines
    operation: str  # INSERT or MODIFY
    message: str


class Finding(NamedTuple):
    """A row of a list of APIs: the dotted name, and what to do about it."""

    where: Lines
    api: str
    tip: str


class Affinity(NamedTuple):
    """A row of affinity_api_call.csv."""

    where: Lines
    kind: str  # class, function or torch
    api: str
    better: str


@dataclass
class Findings:
    """Everything about one file, in the order of its lines."""

    changes: list[Change] = field(default_factory=list)
    unsupported: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    precision: list[Finding] = field(default_factory=list)
    performance: list[Finding] = field(default_factory=list)
    dynamic: list[Finding] = field(default_factory=list)
    affinity: list[Affinity] = field(default_factory=list)
    cuda: list[str] = field(default_factory=list)  # APIs of CUDA, each once

    def note_cuda(self, api: str) -> None:
        """Remember an API of CUDA."""
        if api not in self.cuda:
            self.cuda.append(api)

    def move(self, place: Callable[[Lines], Lines]) -> None:
        """Tell every place anew, for example in cells of a notebook."""
        for name in ("changes", "unsupported", "unknown", "precision", "performance", "dynamic", "affinity"):
            setattr(self, name, [row._replace(where=place(row.where)) for row in getattr(self, name)])

    def sort(self) -> None:
        """Bring every list into the order of the file's lines."""
        self.changes.sort(key=lambda row: row.where)
        self.affinity.sort(key=lambda row: row.where)
        for rows in (self.unsupported, self.unknown, self.precision, self.performance, self.dynamic):
            rows.sort(key=lambda row: row.where)
