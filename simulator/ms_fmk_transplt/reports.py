"""The reports as CSV files, in the columns of the real tool, readable by a spreadsheet (UTF-8 with a BOM)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Self, TextIO

from ms_fmk_transplt.findings import Findings

if TYPE_CHECKING:
    from pathlib import Path

    from ms_fmk_transplt.findings import Lines

APIS = ("File", "Start Line", "End Line", "OP", "Tips")
CHANGES = ("File", "Start Line", "End Line", "Operation Type", "Message")
AFFINITY = ("File", "Start Line", "End Line", "Api Type", "Api Call Name", "Affinity Api Name")
CUDA = ("File", "Api")

Rows = Iterable[Sequence[object]]


def _row(row: Sequence[object]) -> list[object]:
    """What a spreadsheet would take for a formula, as text."""
    return [f"'{c}" if isinstance(c, str) and c[:1] in "=+-@" and c else c for c in row]


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")


def write(path: Path, columns: Sequence[str], rows: Rows) -> int:
    """Write a table; returns the number of rows."""
    count = 0
    with _open(path) as stream:
        out = csv.writer(stream)
        out.writerow(columns)
        for row in rows:
            out.writerow(_row(row))
            count += 1
    return count


def _label(file: str, where: Lines) -> str:
    """The file, and of a notebook the code cell that the lines are counted in."""
    return f"{file} (code cell {where.cell})" if where.cell else file


def _changes(file: str, found: Findings) -> Rows:
    return ((_label(file, r.where), *r.where[:2], r.operation, r.message) for r in found.changes)


def _affinity(file: str, found: Findings) -> Rows:
    return ((_label(file, r.where), *r.where[:2], r.kind, r.api, r.better) for r in found.affinity)


def _cuda(file: str, found: Findings) -> Rows:
    return ((file, api) for api in found.cuda)


def _apis(kind: str) -> Callable[[str, Findings], Rows]:
    """Rows of a list of APIs; `kind` is the name of a list of `Findings`."""
    return lambda file, found: (
        (_label(file, r.where), *r.where[:2], r.api, r.tip) for r in getattr(found, kind)
    )


Reports = dict[str, tuple[Sequence[str], Callable[[str, Findings], Rows]]]
CHANGE_LIST: Reports = {"change_list.csv": (CHANGES, _changes)}
AFFINITY_APIS: Reports = {"affinity_api_call.csv": (AFFINITY, _affinity)}
TORCH_APIS: Reports = {
    "cuda_op_list.csv": (CUDA, _cuda),
    "unsupported_api.csv": (APIS, _apis("unsupported")),
    "unknown_api.csv": (APIS, _apis("unknown")),
    "api_precision_advice.csv": (APIS, _apis("precision")),
    "api_performance_advice.csv": (APIS, _apis("performance")),
}
DYNAMIC_SHAPES: Reports = {"dynamic_shape_advice.csv": (APIS, _apis("dynamic"))}


class Tables:
    """Reports that are written while the project is read, so that none of their rows is kept.

    Attributes:
        rows: how many rows each has so far, by the file's name.
    """

    def __init__(self, folder: Path, reports: Reports) -> None:
        self.reports = reports
        self.rows = dict.fromkeys(reports, 0)
        self._streams = {name: _open(folder / name) for name in reports}
        for name, (columns, _) in reports.items():
            csv.writer(self._streams[name]).writerow(columns)

    def add(self, file: str, found: Findings) -> None:
        """Write what was found in a file."""
        for name, (_, rows) in self.reports.items():
            out = csv.writer(self._streams[name])
            for row in rows(file, found):
                out.writerow(_row(row))
                self.rows[name] += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams.values():
            stream.close()
