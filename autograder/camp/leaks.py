"""Finding what must not be found: lines of hidden checks and of answers in what learners can read."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from camp.exercise import ANSWER, BEGIN, END, Exercise, task_cell

if TYPE_CHECKING:
    from pathlib import Path

MIN_CHARS = 24
"""Shorter lines (a return, a bracket) are in every program and prove nothing."""

_TAG = re.compile(r"<[^>]+>")


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
    plain = html.unescape(_TAG.sub("", text)).replace('\\"', '"')
    readable = {" ".join(line.split()) for line in (text + "\n" + plain).replace("\\n", "\n").splitlines()}
    whole = "\n".join(readable)
    return sorted(line for line in secret_lines(exercise) if line in whole)


def leaks_in(folder: Path, exercise: Exercise, pattern: str = "*") -> list[str]:
    """The secret lines that stand in any file below a folder, each with the file's name."""
    return [
        f"{path.relative_to(folder)}: {line}"
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
        for line in leaked(path.read_text(encoding="utf-8", errors="ignore"), exercise)
    ]


def _lines(text: str) -> list[str]:
    """Lines long enough to be recognised, white space folded; comments and imports do not count."""
    folded = (" ".join(line.split()) for line in text.splitlines())
    return [ln for ln in folded if len(ln) >= MIN_CHARS and not ln.startswith(("#", "import ", "from "))]
