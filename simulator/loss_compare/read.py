"""The losses of a training, out of a log or a table."""

from __future__ import annotations

import codecs
import csv
import re
from typing import TYPE_CHECKING

from loss_compare.errors import LossFileError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf))"
# "loss: 0.5", "loss=0.5", "lm loss 5.0E-01", "Loss 0.5 (0.6)"; not "loss scale: 1024" and not "loss_scale".
PATTERN = re.compile(rf"(?i)\bloss\b['\"]?\s*[:=]?\s*{NUMBER}")
_COLUMN = "loss"


def losses(path: Path, pattern: str | None = None) -> list[float]:
    """One loss for each step, in order.

    Args:
        path: a .csv with a column called loss (in any case), or the log of a training.
        pattern: a regular expression whose first group is the loss, for logs of another form.

    Raises:
        LossFileError: the file cannot be read, the pattern is none, or no loss was found.
    """
    try:
        text = _text(path.read_bytes())
    except OSError as error:
        raise LossFileError(f"{path} cannot be read: {error}.") from None
    if pattern is None and path.suffix.lower() == ".csv":
        return _of_table(path, text.splitlines())
    found = [match[1] for match in _compiled(pattern).finditer(text)]
    if not found:
        raise LossFileError(
            f"{path} has no line such as 'loss: 0.5'; say with --pattern how the losses are written."
        )
    return [_number(path, value) for value in found]


def _text(data: bytes) -> str:
    """The text of a log: UTF-16 where it says so, else UTF-8; bytes that are neither cost only themselves.

    A log may hold a path in GBK, half a character where a process was killed, or what PowerShell wrote.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _compiled(pattern: str | None) -> re.Pattern[str]:
    if pattern is None:
        return PATTERN
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LossFileError(
            f"--pattern '{pattern}' is no regular expression: {error}; see Python's re."
        ) from None
    if not compiled.groups:
        raise LossFileError(f"--pattern '{pattern}' has no group; put parentheses around the number.")
    return compiled


def _of_table(path: Path, lines: Iterable[str]) -> list[float]:
    rows = csv.DictReader(lines)
    column = next((name for name in rows.fieldnames or () if name.strip().lower() == _COLUMN), None)
    if column is None:
        raise LossFileError(
            f"{path} has no column 'loss', only {', '.join(rows.fieldnames or ()) or 'none'}."
        )
    found = [_number(path, row[column]) for row in rows if row[column]]
    if not found:
        raise LossFileError(f"{path} has no rows below its column names; give the table of a training.")
    return found


def _number(path: Path, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise LossFileError(f"{path}: the loss '{value}' is no number; write one like 0.5.") from None
