"""What the tools say on the terminal: progress while they work, a summary that a person can read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ms_fmk_transplt.project import Result

OUT, ERR = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
WORST = 10  # files and faults shown; the rest is in the reports


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """A bar on standard error, one step a file; where that is no terminal, a line each so many files."""
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[name]}"),
    )
    if not ERR.is_interactive:
        yield _told(total, what)
        return
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(what, total=total, name="")
        yield lambda name: bar.update(task, advance=1, name=name)


def _told(total: int, what: str) -> Callable[[str], None]:
    """Lines for a log: each hundredth file, and each tenth part of a larger project."""
    seen = 0
    each = max(100, total // 10)

    def step(name: str) -> None:
        nonlocal seen
        seen += 1
        if seen % each == 0:
            ERR.print(f"{what} {seen}/{total} {name}", markup=False, highlight=False)

    return step


def summary(result: Result) -> None:
    """The reports with their rows, the files with the most to do, and what could not be read."""
    table = Table("Report", "Rows")
    for name, rows in result.rows.items():
        table.add_row(name, str(rows))
    OUT.print(table)
    busy = sorted(
        ((name, found) for name, found in result.files.items() if found.unsupported or found.changes),
        key=lambda pair: (-pair[1].unsupported, -pair[1].changes, pair[0]),
    )
    if busy:
        table = Table("File", "Changes", "Unsupported", "Unknown")
        for name, found in busy[:WORST]:
            table.add_row(name, *(str(count) for count in found))
        OUT.print(table)
        if len(busy) > WORST:
            OUT.print(f"and {len(busy) - WORST} more files, see the reports")
    for name, fault in result.faults.items():
        ERR.print(f"{name}:{fault.line}: {fault.reason}", markup=False, highlight=False)
    OUT.print(f"{result.seen} files read, results in {result.folder}", markup=False, highlight=False)
