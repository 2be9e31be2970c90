"""Finding what must not be found: lines of hidden checks and of answers in what learners can read."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from camp.exercise import ANSWER, BEGIN, END, Exercise, task_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MIN_CHARS = 24
_COMMON = re.compile(r"(?:[\w, ]+ = )?\w+(?:\.\w+)+\([\w\s,.]*\)|except [\w. ]+:")
"""Shorter lines (a return, a bracket) are in every program and prove nothing."""

_TAG = re.compile(r"<[^>]+>")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": ""}


def secret_lines(exercise: Exercise) -> set[str]:
    """The lines of hidden checks and of solution blocks that no learner may see.

    Lines that the course shows to the learner anyway, in the notebook, are no secret.
    """
    shown, secret = set(), set(_lines((exercise.folder / "checks.py").read_text(encoding="utf-8")))
    for cell in exercise.source.cells:
        inside = False
        for line in cell.source.splitlines():
            if BEGIN in line or END in line:
                inside = BEGIN in line
            elif not inside:
                shown |= set(_lines(line))
    for task in exercise.assignment.task:
        answer = task_cell(exercise.source, task.id, ANSWER)
        block = answer.source.split(BEGIN, 1)[1].split(END, 1)[0] if answer else ""
        if len(block.strip().splitlines()) > 1:  # a one-line answer is a sentence of the book, too
            secret |= set(_lines(block))
    return secret - shown


def leaked(text: str, exercise: Exercise) -> list[str]:
    """The secret lines of an exercise that stand in a text: a notebook, a page, a file of a wheel."""
    return _found(text, _secrets(exercise))


def _secrets(exercise: Exercise) -> dict[str, str]:
    """The secret lines, by their text without white space."""
    return {_squeezed(line): line for line in secret_lines(exercise)}


def _found(text: str, secrets: dict[str, str]) -> list[str]:
    readings = {_squeezed(reading) for reading in _readings(text)}
    return sorted(line for bare, line in secrets.items() if any(bare in reading for reading in readings))


def _readings(text: str) -> set[str]:
    """A text as it stands, as a browser shows it, as JSON (also JSON within JSON) means it, and both."""
    once = _unescaped(text)
    written = {text, once, _unescaped(once)}
    return written | {html.unescape(_TAG.sub("", reading)) for reading in written}


def _unescaped(text: str) -> str:
    halves = _ESCAPE.sub(_meant, text)
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs become one character


def _meant(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _CONTROL.get(code, code)


def _squeezed(text: str) -> str:
    """Without white space, which editors, highlighters and line wraps change."""
    return "".join(text.split())


def leaks_in(folder: Path, exercise: Exercise, pattern: str = "*") -> list[str]:
    """The secret lines that stand in any file below a folder, each with the file's name."""
    secrets = _secrets(exercise)
    return [
        f"{path.relative_to(folder)}: {line}"
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
        for line in _found(path.read_text(encoding="utf-8", errors="ignore"), secrets)
    ]


def leaks_of(texts: Mapping[str, str], exercises: Iterable[Exercise]) -> list[str]:
    """The secret lines of any of these exercises that stand in a text, each with the text's name."""
    secrets: dict[str, str] = {}
    for exercise in exercises:
        secrets |= _secrets(exercise)
    return [f"{name}: {line}" for name in sorted(texts) for line in _found(texts[name], secrets)]


def _lines(text: str) -> list[str]:
    """Lines long enough to be recognised, white space folded.

    Comments and imports do not count, nor do lines that many programs have: one call of an interface with
    nothing but names, and the head of a handler.
    """
    folded = (" ".join(line.split()) for line in text.splitlines())
    return [
        ln
        for ln in folded
        if len(ln) >= MIN_CHARS and not ln.startswith(("#", "import ", "from ")) and not _COMMON.fullmatch(ln)
    ]
