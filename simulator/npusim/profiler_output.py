"""ASCEND_PROFILER_OUTPUT: the files that torch_npu's profiler leaves, written from records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import value
from npusim.profiler_tables import Step, kernel_rows, statistic_rows, step_rows, write_table
from npusim.trace import write_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from npusim.records import Record

FOLDER = "ASCEND_PROFILER_OUTPUT"


def write_profiler_output(parent: Path, records: Iterable[Record], steps: Sequence[Step] = ()) -> Path:
    """Writes kernel_details.csv, op_statistic.csv, step_trace_time.csv and trace_view.json.

    Args:
        parent: the folder `<worker>_<timestamp>_ascend_pt` of one profiling run, made where it is missing.
        records: what happened, for example `npusim.node().records[first:]`.
        steps: the training loop's steps; without them the whole run is one.

    Returns:
        The folder ASCEND_PROFILER_OUTPUT in it.

    Raises:
        OSError: the folder cannot be made or written.
    """
    listed = list(records)
    folder = parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "kernel_details.csv", kernel_rows(listed, steps))
    write_table(folder / "op_statistic.csv", statistic_rows(listed))
    write_table(folder / "step_trace_time.csv", step_rows(listed, steps))
    write_trace(folder / "trace_view.json", listed, value("host_launch_ns"))
    return folder


__all__ = ["FOLDER", "Step", "write_profiler_output"]
