"""Cells of CSV files that people open in a spreadsheet: what a stranger wrote must not become a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Cell = str | int | float | None
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"
"""Without it, Excel reads UTF-8 in the code page of its country and spoils names."""


def safe(cell: Cell) -> Cell:
    """Return a cell that a spreadsheet shows and never computes; numbers stay numbers.

    Text that would start a formula gets an apostrophe before it, which spreadsheets take for "this is text"
    (OWASP, "CSV Injection").
    """
    if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA):
        return "'" + cell
    return cell


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, bom: bool = False) -> str:
    """Write a table as CSV, every cell safe, lines ended by a line feed.

    Args:
        header: the first row, as it is.
        rows: the others.
        bom: begin with a byte order mark, for files that are opened in a spreadsheet.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows([safe(cell) for cell in row] for row in rows)
    return (BOM if bom else "") + text.getvalue()
