"""Which torch_npu fits which PyTorch and CANN, as a table of the book."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from explorables.reference import Markdown, table

ROWS = Path(__file__).with_suffix(".toml")
COLUMNS = ("torch_npu, the wheel", "branch", "PyTorch", "CANN")
BRANCH = re.compile(r"v(?P<torch>[\d.]+)-(?P<extension>[\d.]+(?:rc\d)?)")


class Fit(NamedTuple):
    """Versions that belong together."""

    wheel: str
    branch: str
    torch: str
    cann: str


def fits() -> list[Fit]:
    """All rows, newest first. The version of PyTorch is read from the branch.

    Raises:
        ValueError: a branch that is not named as torch_npu names them.
    """
    found = []
    for wheel, branch, cann in tomllib.loads(ROWS.read_text(encoding="utf-8"))["rows"]:
        parts = BRANCH.fullmatch(branch)
        if parts is None:
            raise ValueError(
                f"{branch!r} is no branch of torch_npu: write vPYTORCH-EXTENSION, as v2.9.0-7.3.0"
            )
        found.append(Fit(wheel, branch, parts["torch"], cann))
    return found


def version_table() -> Markdown:
    """The rows as a table."""
    return table(COLUMNS, [(f"`{f.wheel}`", f"`{f.branch}`", f.torch, f"CANN {f.cann}") for f in fits()])
