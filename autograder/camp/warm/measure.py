"""How fast a warm kernel is ready and how much memory is its own; for `make bench`."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat.v4 import new_code_cell, new_notebook

from camp.warm.client import WarmNotebookClient, client_options

if TYPE_CHECKING:
    from camp.warm.limits import Backend, Limits

_PAGE_UNIT = 1024


def kernel_ready_ms(
    repeats: int = 10, limits: Limits | None = None, backend: Backend | None = None
) -> list[float]:
    """Milliseconds from asking for a kernel until it answers on both channels, once per repeat.

    The zygote is running already: it starts once for a whole class. Report the median; the machine's other
    work only ever adds.
    """
    return [_once(limits, backend)[0] for _ in range(repeats + 1)][1:]


def private_bytes(repeats: int = 3, limits: Limits | None = None, backend: Backend | None = None) -> float:
    """Memory that one ready kernel and its keeper take and share with nobody: the median, in bytes."""
    return statistics.median(_once(limits, backend)[1] for _ in range(repeats))


def _once(limits: Limits | None, backend: Backend | None) -> tuple[float, int]:
    notebook = new_notebook(cells=[new_code_cell()])
    client = WarmNotebookClient(notebook, **client_options(None, limits, backend=backend))
    start = time.perf_counter()
    with client.setup_kernel(env={}):
        ready = (time.perf_counter() - start) * 1000
        keeper = int(getattr(client.km.provisioner, "pid", 0)) if client.km is not None else 0
        return ready, sum(_private(pid) for pid in _family(keeper))


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(int(child) for child in children)]


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * _PAGE_UNIT for line in lines if line.startswith("Private_"))
