"""A project as a tree of files: what is in it, and how each file is read. Nothing here writes into it."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from ms_fmk_transplt import notebook
from ms_fmk_transplt.convert import Options, convert
from ms_fmk_transplt.findings import Findings, Lines
from ms_fmk_transplt.modelarts import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ms_fmk_transplt.rules import Rules

SKIPPED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache"}
)
KERNELS = frozenset({".cu", ".cuh"})
TRIGGERS = (b"cuda", b"torch", b"nccl", b"CUDA")
APEX = (b"apex", b"amp_C", b"flash_attn", b"xformers", b"triton", b"tensorrt", b"pynvml", b"cupy", b"nvidia")

# What a call that opens a path has in its name, for -m.
OPENS = (
    *(b"open", b"load", b"save", b"read", b"write", b"copy", b"mkdir", b"makedirs", b"listdir", b"exists"),
    *(b"isfile", b"isdir", b"rmtree", b"glob", b"FileHandler", b"Path", b"SummaryWriter", b"datasets"),
)


class Fault(NamedTuple):
    """A file that could not be converted and was copied as it is."""

    line: int
    reason: str


@dataclass
class Outcome:
    """One file: its new content and what was found. `data` None means that nothing changes."""

    data: bytes | None
    findings: Findings
    fault: Fault | None = None


def walk(root: Path) -> Iterator[Path]:
    """The files of a project in a fixed order, links not followed; a single file is a project of one."""
    if not root.is_dir():
        yield root
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(files + [f for f in folders if (Path(folder) / f).is_symlink()]):
            yield Path(folder) / name
        folders[:] = [f for f in folders if not (Path(folder) / f).is_symlink()]


def treat(path: Path, rules: Rules, options: Options) -> Outcome:
    """Convert one file; whatever is wrong with it is said in the outcome, never raised."""
    data = b""
    if not path.is_file():
        return Outcome(None, Findings(), Fault(1, "is no regular file; it is left out"))
    try:
        data = path.read_bytes()
        return _treat(path, data, rules, options)
    except OSError as error:
        fault = Fault(1, f"cannot be read: {error.strerror}")
    except cst.ParserSyntaxError as error:
        fault = _why(data, error)
    except (notebook.NotebookError, UnicodeDecodeError, SyntaxError, LookupError) as error:
        fault = Fault(1, f"cannot be read as Python: {error}")
    except RecursionError:
        fault = Fault(1, "is nested too deeply to be read")
    return Outcome(None, Findings(), fault)


def _treat(path: Path, data: bytes, rules: Rules, options: Options) -> Outcome:
    suffix = path.suffix.lower()
    if path.parent.name == PACKAGE:
        options = replace(options, modelarts=False)  # the manager does not ask itself
    if suffix in KERNELS:
        findings = Findings()
        findings.note_cuda(f"custom CUDA kernel ({path.name})")
        return Outcome(None, findings)
    if suffix not in {".py", ".ipynb"} or not _concerns(data, options):
        return Outcome(None, Findings())
    if suffix == ".ipynb":
        return _notebook(data, rules, options)
    module, findings = convert(data, rules, options)
    new = module.bytes
    return Outcome(new if new != data else None, findings)


def _concerns(data: bytes, options: Options) -> bool:
    """Whether a file may hold anything that a rule speaks of, so that it is worth parsing."""
    return any(word in data for word in TRIGGERS + APEX + (OPENS if options.modelarts else ()))


def _why(data: bytes, error: cst.ParserSyntaxError) -> Fault:
    """Where and why a file is no Python 3; CPython says it better than the tree's parser."""
    line, why = error.raw_line, "it is no valid Python 3"
    try:
        ast.parse(data)
    except SyntaxError as better:  # TabError and IndentationError are syntax errors too
        line, why = better.lineno or line, better.msg
    except ValueError as better:
        why = str(better)
    lines = data.decode("utf-8", "replace").splitlines()
    text = lines[line - 1].strip()[:60] if 0 < line <= len(lines) else ""
    if text.startswith(("print ", "exec ")) or (text.startswith("except ") and "," in text):
        return Fault(line, f"is Python 2 ('{text}'); convert it to Python 3 first")
    return Fault(line, f"is no valid Python 3 ({why}): '{text}'")


def _notebook(data: bytes, rules: Rules, options: Options) -> Outcome:
    book = notebook.read(data)
    text = notebook.to_text(book)
    cells = notebook.starts(text)
    try:
        module, findings = convert(text, rules, options)
    except cst.ParserSyntaxError as error:
        fault = _why(text.encode(), error)
        line, _, cell = notebook.place(cells, Lines(fault.line, fault.line))
        return Outcome(None, Findings(), Fault(line, f"code cell {cell}, line {line} {fault.reason}"))
    if cells:
        findings.move(partial(notebook.place, cells))
    return Outcome(notebook.from_text(book, module.code) if findings.changes else None, findings)
