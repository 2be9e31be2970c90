"""The command `cuda-left`: what of CUDA a project that is migrated by hand still has, file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ms_fmk_transplt import tree
from ms_fmk_transplt.convert import Options
from ms_fmk_transplt.findings import Lines
from ms_fmk_transplt.rules import load

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = frozenset({".sh", ".bash", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".json", ".txt", ".env", ""})
WORDS = re.compile(
    r"(?i)\b(cuda(:\d+)?|nccl|nvidia-smi|cudnn|CUDA_VISIBLE_DEVICES|NCCL_[A-Z_]+|nvcc|cupy|tensorrt)\b"
)
LARGEST = 1_000_000  # bytes; a larger text file is data


class Left(NamedTuple):
    """One thing that still says CUDA."""

    file: str
    line: int
    what: str


def find(source: Path) -> Iterator[Left]:
    """Everything in a project that still says CUDA, in the order of files and lines.

    Args:
        source: a folder or a file; only read.

    Yields:
        Findings; a file that cannot be read is one too.
    """
    rules = load()
    root = source if source.is_dir() else source.parent
    for path in tree.walk(source):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            continue
        outcome = tree.treat(path, rules, Options())
        if outcome.fault is not None:
            yield Left(name, outcome.fault.line, outcome.fault.reason)
        found = outcome.findings
        rows = [(change.where, change.message) for change in found.changes if change.operation == "MODIFY"]
        rows += [(row.where, f"{row.api}: {row.tip}") for row in found.unsupported]
        if path.suffix in tree.KERNELS:
            what = "a CUDA kernel; it needs an operator of torch_npu, or one in Ascend C"
            rows.append((Lines(1, 1), what))
        for where, what in sorted(set(rows), key=lambda row: (row[0].cell, row[0].start, row[1])):
            yield Left(name, where.start, f"in code cell {where.cell}, {what}" if where.cell else what)
        if path.suffix in TEXTS:
            yield from _words(path, name)


def _words(path: Path, name: str) -> Iterator[Left]:
    try:
        if path.stat().st_size > LARGEST:
            return
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for number, line in enumerate(lines, 1):
        if (word := WORDS.search(line)) is not None:
            yield Left(name, number, f"says '{word.group()}'")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", type=click.Path(exists=True, path_type=Path))
def main(source: Path) -> None:
    """List what still says CUDA in SOURCE; ends with 1 where there is something."""
    count = 0
    for file, line, what in find(source):
        click.echo(f"{file}:{line}: {what}")
        count += 1
    click.echo(f"{count} left" if count else "nothing of CUDA is left")
    raise SystemExit(1 if count else 0)
