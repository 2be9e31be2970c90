"""Notebooks: their code cells are converted together, so that an import in one cell is known in the next."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any

from ms_fmk_transplt.findings import Lines

MARK = "#%%cell "
MAGIC = "#%%magic "
# `%time f()` and `! make \\`, which goes on in the next line; `files = !ls`; `f?`
MAGIC_LINE = re.compile(
    r"^(?P<head>[ \t]*)(?P<magic>[%!?](?:.*\\\n)*.*|[\w.]+\?{1,2}[ \t]*)$"
    r"|^(?P<target>[ \t]*\w[\w, \t]*=[ \t]*)(?P<value>[%!](?:.*\\\n)*.*)$",
    re.MULTILINE,
)


class NotebookError(ValueError):
    """The file is no notebook."""


def read(data: bytes) -> dict[str, Any]:
    """Read a notebook.

    Raises:
        NotebookError: it is no JSON, or no notebook.
    """
    try:
        book = json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise NotebookError(f"no notebook: {error}") from None
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        raise NotebookError("no notebook: it has no list of cells (nbformat 4)")
    return book


def _cells(book: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        c for c in book["cells"] if isinstance(c, dict) and c.get("cell_type") == "code" and "source" in c
    ]


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)


def _hide(line: re.Match[str]) -> str:
    head, magic, word = line["head"], line["magic"], "pass"
    if line["target"] is not None:
        head, magic, word = line["target"], line["value"], "None"
    return f"{head}{word}{MAGIC}" + magic.replace("\n", f"\n{MAGIC}")


def starts(text: str) -> list[int]:
    """The lines, from 1, at which the code cells of the text of all cells begin."""
    return [n for n, line in enumerate(text.split("\n"), 1) if line.startswith(MARK)]


def place(begins: list[int], lines: Lines) -> Lines:
    """The code cell and the lines in it, all from 1, of lines of the text of all cells."""
    cell = max(1, bisect_right(begins, lines.start))
    begin = begins[cell - 1]
    return Lines(max(1, lines.start - begin), max(1, lines.end - begin), cell)


def to_text(book: dict[str, Any]) -> str:
    """All code cells as one text; a line `%magic` or `!command` becomes a comment, a cell `%%magic` too."""
    parts: list[str] = []
    for number, cell in enumerate(_cells(book)):
        source = _source(cell)
        if source.lstrip().startswith("%%"):
            source = "\n".join(f"{MAGIC}{line}" for line in source.split("\n"))
        else:
            source = MAGIC_LINE.sub(_hide, source)
        parts.append(f"{MARK}{number}\n{source}")
    return "\n".join(parts) + "\n"


def from_text(book: dict[str, Any], text: str) -> bytes:
    """Put converted code back into its cells; everything else of the notebook stays."""
    pieces = re.split(rf"^{MARK}\d+\n", text, flags=re.MULTILINE)
    head, bodies = pieces[0], pieces[1:]
    for number, (cell, body) in enumerate(zip(_cells(book), bodies, strict=True)):
        source = (head + body if number == 0 else body).removesuffix("\n")
        source = source.replace(f"pass{MAGIC}", "").replace(f"None{MAGIC}", "").replace(MAGIC, "")
        cell["source"] = source.splitlines(keepends=True) if isinstance(cell["source"], list) else source
    return (json.dumps(book, ensure_ascii=False, indent=1) + "\n").encode()
