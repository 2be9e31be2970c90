"""CUDA's names beside those of the NPU: from the converter's rules, PyTorch itself, and a table of ours.

Whatever can be resolved is resolved when the page is built; `unresolved` lists what is not there.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ms_fmk_transplt import rules

from explorables.reference import Markdown, table

SHEETS = Path(__file__).with_suffix(".toml")
READERS = Path(__file__).parents[2] / "simulator"  # whose sources read the variables


class Row(NamedTuple):
    """What CUDA calls it, what it is called here, and a note."""

    cuda: str
    npu: str
    note: str


class Sheet(NamedTuple):
    """A table, and of which kind its right-hand names are: see cheat_sheet.toml."""

    name: str
    kind: str
    rows: list[Row]


@cache
def sheets() -> dict[str, Sheet]:
    """The tables by name, in the order of the file."""
    found = tomllib.loads(SHEETS.read_text(encoding="utf-8"))["sheet"]
    return {one["name"]: Sheet(one["name"], one["kind"], [Row(*row) for row in one["rows"]]) for one in found}


def resolve(dotted: str) -> Any:
    """What a dotted name of Python stands for.

    Raises:
        AttributeError, ImportError: nothing; the message names the part that is missing.
    """
    first, *rest = dotted.split(".")
    found: Any = importlib.import_module(first)
    path = first
    for part in rest:
        path = f"{path}.{part}"
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(path)
    return found


def _is_there(dotted: str) -> bool:
    try:
        resolve(dotted)
    except (AttributeError, ImportError):
        return False
    return True


@cache
def _read_variables() -> str:
    """The sources of what reads environment variables, as one text."""
    paths = sorted(READERS.glob("**/*.py")) + sorted(READERS.glob("**/rules/*.toml"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def is_there(kind: str, name: str) -> bool:
    """Whether a name of a kind exists on this machine; words for ideas always do."""
    if kind == "py":
        return _is_there(name)
    if kind == "cmd":
        return (Path(sys.executable).parent / name).is_file() or shutil.which(name) is not None
    return kind == "idea" or f'"{name}"' in _read_variables()


@cache
def torch_cuda() -> tuple[list[str], list[str]]:
    """Public functions and classes of torch.cuda: those of torch.npu under the same name, and the others.

    Names are taken from `torch.cuda.__all__`, less what the converter's rules call CUDA's own.
    """
    kept = rules.load().kept
    names = [name for name in torch.cuda.__all__ if kept.get(f"torch.cuda.{name}") is None]
    same = [name for name in names if _is_there(f"torch.npu.{name}")]
    return sorted(same, key=str.lower), sorted(set(names) - set(same), key=str.lower)


def converted() -> Sheet:
    """What the migration tool's rules rename: names, members, and strings that stand alone."""
    known = rules.load()
    rows = [Row(cuda, npu, "") for cuda, npu in known.renamed.items()]
    rows += [Row(f"x.{cuda}()", f"x.{npu}()", "tensors and modules") for cuda, npu in known.methods.items()]
    rows += [Row(f"x.{cuda}", f"x.{npu}", "") for cuda, npu in known.attributes.items()]
    rows += [Row(f'"{cuda}"', f'"{npu}"', "a string") for cuda, npu in known.strings.items()]
    return Sheet("What the tool rewrites", "idea", rows)


def unresolved() -> list[str]:
    """Right-hand names that do not exist here: empty, or the page is wrong."""
    wrong = [row.npu for s in sheets().values() for row in s.rows if not is_there(s.kind, row.npu)]
    return wrong + [npu for npu in rules.load().renamed.values() if not _is_there(npu)]


def show(sheet: Sheet) -> Markdown:
    """A sheet as a table of the book; names in the type of code, ideas in words."""

    def name(text: str) -> str:
        return text if sheet.kind == "idea" and sheet.name == "Ideas" else f"`{text}`"

    return table(("CUDA", "Here", "Note"), [(name(r.cuda), name(r.npu), r.note) for r in sheet.rows])
