"""The reports as CSV files, in the columns of the real tool, readable by a spreadsheet (UTF-8 with a BOM)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ms_fmk_transplt.findings import Findings

if TYPE_CHECKING:
    from pathlib import Path

APIS = ("File", "Start Line", "End Line", "OP", "Tips")
CHANGES = ("File", "Start Line", "End Line", "Operation Type", "Message")
AFFINITY = ("File", "Start Line", "End Line", "Api Type", "Api Call Name", "Affinity Api Name")
CUDA = ("File", "Api")

Rows = Iterable[Sequence[object]]


def write(path: Path, columns: Sequence[str], rows: Rows) -> int:
    """Write a table, what a spreadsheet would take for a formula as text; returns the number of rows."""
    count = 0
    with path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(columns)
        for row in rows:
            out.writerow([f"'{c}" if isinstance(c, str) and c[:1] in "=+-@" and c else c for c in row])
            count += 1
    return count


Files = dict[str, Findings]


def changes(files: Files) -> Rows:
    """Rows of change_list.csv."""
    return (
        (file, *row.where, row.operation, row.message)
        for file, found in files.items()
        for row in found.changes
    )


def apis(files: Files, kind: str) -> Rows:
    """Rows of a list of APIs; `kind` is the name of a list of `Findings`."""
    return (
        (file, *row.where, row.api, row.tip) for file, found in files.items() for row in getattr(found, kind)
    )


def affinity(files: Files) -> Rows:
    """Rows of affinity_api_call.csv."""
    return (
        (file, *row.where, row.kind, row.api, row.better)
        for file, found in files.items()
        for row in found.affinity
    )


def cuda(files: Files) -> Rows:
    """Rows of cuda_op_list.csv."""
    return ((file, api) for file, found in files.items() for api in found.cuda)


def write_torch_apis(folder: Path, files: Files) -> dict[str, int]:
    """Write the five lists of the mode torch_apis. Returns the rows of each file."""
    counts = {"cuda_op_list.csv": write(folder / "cuda_op_list.csv", CUDA, cuda(files))}
    for name, kind in (
        ("unsupported_api.csv", "unsupported"),
        ("unknown_api.csv", "unknown"),
        ("api_precision_advice.csv", "precision"),
        ("api_performance_advice.csv", "performance"),
    ):
        counts[name] = write(folder / name, APIS, apis(files, kind))
    return counts


def write_affinity(folder: Path, files: Files) -> dict[str, int]:
    """Write affinity_api_call.csv. Returns its rows."""
    name = "affinity_api_call.csv"
    return {name: write(folder / name, AFFINITY, affinity(files))}
