"""The author's notebook as MyST text: fences that are closed, and code cells that Python can read."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jupytext
from IPython.core.inputtransformer2 import TransformerManager

from camp.errors import ExerciseError

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

_FENCE = re.compile(r"^ {0,3}(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
_CELL = "{code-cell}"


@dataclass
class _Fence:
    """One fenced block of the text; lines are counted from 1."""

    marks: str
    info: str
    line: int
    body: list[str]


def read_source(path: Path) -> NotebookNode:
    """Read a notebook written as MyST text.

    Raises:
        ExerciseError: the file is missing or is no MyST notebook, a fence is left open, or a code cell is no
            Python (IPython's magics and `await` are allowed).
    """
    try:
        text = path.read_text(encoding="utf-8")
        notebook: NotebookNode = jupytext.reads(text, fmt="md:myst")
    except FileNotFoundError:
        raise ExerciseError(f"{path} is missing; the assignment's notebook is written there") from None
    except Exception as error:  # jupytext raises many kinds; the author needs one line
        raise ExerciseError(f"{path} is not a MyST notebook: {first_line(error)}") from error
    fences = [f for f in _fences(path, text) if f.info.startswith(_CELL)]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells):
        # A cell inside an HTML comment is one to us and none to jupytext: then no line can be named.
        fence = fences[number] if len(fences) == len(cells) else None
        _require_python(path, cell.source, fence, number + 1)
    return notebook


def first_line(error: BaseException) -> str:
    """An error in one line: its kind and the first line of its text."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def _fences(path: Path, text: str) -> list[_Fence]:
    """All fenced blocks, in order.

    Raises:
        ExerciseError: one is left open, so that it swallows what follows.
    """
    found: list[_Fence] = []
    inside: _Fence | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FENCE.match(line)
        if inside is None:
            if match and not (match["marks"][0] == "`" and "`" in match["info"]):
                inside = _Fence(match["marks"], match["info"].strip(), number, [])
                found.append(inside)
            continue
        if match and match["marks"].startswith(inside.marks):
            info = match["info"].strip()
            if not info:
                inside = None
                continue
            if info.startswith(_CELL):
                raise ExerciseError(
                    f"{path}: the fence opened in line {inside.line} is not closed before the code cell of "
                    f"line {number}; close it with {inside.marks}"
                )
        inside.body.append(line)
    if inside is not None:
        raise ExerciseError(
            f"{path}: the fence opened in line {inside.line} is never closed; close it with {inside.marks}"
        )
    return found


def _require_python(path: Path, source: str, fence: _Fence | None, number: int) -> None:
    place = f"the code cell of line {fence.line}" if fence else f"code cell {number}"
    try:
        code = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        at = _line_in_file(source, fence, error.lineno)
        raise ExerciseError(
            f"{path}: {place} is no Python: {type(error).__name__}: {error.msg}{at}; mend the cell"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExerciseError(f"{path}: {place} is no Python: {first_line(error)}; mend the cell") from None


def _line_in_file(source: str, fence: _Fence | None, lineno: int | None) -> str:
    """Where in the file a line of a cell stands, if that can be told; a magic may shift lines."""
    lines = source.splitlines()
    if fence is None or lineno is None or not 1 <= lineno <= len(lines):
        return ""
    body = "\n".join(fence.body).rstrip().splitlines()
    first = len(body) - len(source.rstrip().splitlines())
    if first < 0 or body[first:] != source.rstrip().splitlines():
        return ""
    return f" (line {fence.line + first + lineno})"
