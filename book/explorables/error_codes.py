"""The error table of the simulated device as a table of the book, with an anchor for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import npusim

from explorables.reference import plain, table

if TYPE_CHECKING:
    from explorables.reference import Markdown

COLUMNS = ("Code", "What it means", "What to do")


def anchor(code: int | str) -> str:
    """The name by which other pages link to a code."""
    return f"code-{code}".lower()


def code_table() -> Markdown:
    """Every code: AscendCL's by number, then those of the tools and libraries."""
    rows = []
    for code in npusim.errors:
        entry = npusim.errors[code]
        name = "" if entry.name == str(code) else f" `{entry.name}`"
        meaning = f"{plain(entry.meaning)}{name}"
        rows.append((f"[{code}]{{#{anchor(code)}}}", meaning, plain(entry.remedy)))
    return table(COLUMNS, rows)
