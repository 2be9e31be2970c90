"""The profiler's tables by type and by step: op_statistic.csv and step_trace_time.csv.

Column names and values follow what the profiler of torch_npu writes into ASCEND_PROFILER_OUTPUT; times are
microseconds of virtual time with three decimals.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

from npusim.intervals import clip, gaps, length, overlap, union
from npusim.units import NA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from npusim.op import TensorSpec
    from npusim.records import Record

STATISTIC_COLUMNS = (
    "Device_id",
    "OP Type",
    "Core Type",
    "Count",
    "Total Time(us)",
    "Min Time(us)",
    "Avg Time(us)",
    "Max Time(us)",
    "Ratio(%)",
)
STEP_COLUMNS = (
    "Device_id",
    "Step",
    "Computing",
    "Communication(Not Overlapped)",
    "Overlapped",
    "Communication",
    "Free",
    "Stage",
    "Bubble",
    "Communication(Not Overlapped and Exclude Receive)",
    "Preparing",
)
_DTYPES = {
    "float16": "FLOAT16",
    "float32": "FLOAT",
    "bfloat16": "DT_BF16",
    "float64": "DOUBLE",
    "bool": "BOOL",
}


class Step(NamedTuple):
    """A step of a training loop: its number, and from when to when in nanoseconds."""

    number: int
    begin: int
    end: int


def microseconds(ns: int) -> str:
    """Nanoseconds as microseconds with three decimals, exactly."""
    sign = "-" if ns < 0 else ""
    return f"{sign}{abs(ns) // 1000}.{abs(ns) % 1000:03d}"


def dtype_name(dtype: str) -> str:
    """A type as CANN's tables write it: FLOAT16, FLOAT, DT_BF16, INT64."""
    return _DTYPES.get(dtype, dtype.upper())


def statistic_rows(records: Iterable[Record]) -> list[list[str]]:
    """op_statistic.csv: kernels by type and core, those that take longest in all first, with its header."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for record in _kernels(records):
        groups.setdefault((record.device, record.name, record.unit), []).append(record.duration)
    return [list(STATISTIC_COLUMNS), *by_total(groups)]


def by_total(groups: dict[tuple[int, str, str], list[int]]) -> list[list[str]]:
    """Durations by (device, type, core), told as count, total, least, mean, most and share of the device."""
    totals: dict[int, int] = {}
    for (device, _, _), durations in groups.items():
        totals[device] = totals.get(device, 0) + sum(durations)
    rows = []
    for key in sorted(groups, key=lambda k: (k[0], -sum(groups[k]), k[1], k[2])):
        durations = groups[key]
        total = sum(durations)
        share = 100 * total / totals[key[0]] if totals[key[0]] else 0.0
        times = (total, min(durations), total // len(durations), max(durations))
        figures = [microseconds(time) for time in times]
        rows.append([str(key[0]), key[1], key[2], str(len(durations)), *figures, f"{share:.3f}"])
    return rows


def step_rows(records: Iterable[Record], steps: Sequence[Step] = ()) -> list[list[str]]:
    """step_trace_time.csv: what a device did in each step, with its header.

    Without steps all records make one, whose number stays empty. There is no pipeline parallelism: Bubble is
    0.
    """
    by_device: dict[int, list[Record]] = {}
    for record in records:
        if record.category in {"kernel", "collective", "copy"}:
            by_device.setdefault(record.device, []).append(record)
    rows = [list(STEP_COLUMNS)]
    for device in sorted(by_device):
        found = by_device[device]
        spans = [(str(step.number), step.begin, step.end) for step in steps]
        spans = spans or [("", min(r.start for r in found), max(r.end for r in found))]
        rows.extend([str(device), *_step_row(found, *span)] for span in spans)
    return rows


def write_table(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Writes rows as the comma-separated file that the profiler writes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def busy(records: Iterable[Record], categories: frozenset[str]) -> list[tuple[int, int]]:
    """When a device worked on records of those categories, as disjoint intervals."""
    return union((r.start, r.end) for r in records if r.category in categories)


COMPUTING = frozenset({"kernel"})
COMMUNICATION = frozenset({"collective"})


def _kernels(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.category in COMPUTING]


def operands(specs: Sequence[TensorSpec]) -> list[str]:
    """Shapes (in quotation marks of their own, as torch_npu writes them), types and formats."""
    if not specs:
        return [NA, NA, NA]
    shapes = ";".join(",".join(str(d) for d in spec.shape) for spec in specs)
    return [f'"{shapes}"', ";".join(dtype_name(s.dtype) for s in specs), ";".join(s.fmt for s in specs)]


def _step_row(records: list[Record], number: str, begin: int, end: int) -> list[str]:
    computing = clip(busy(records, COMPUTING), begin, end)
    communication = clip(busy(records, COMMUNICATION), begin, end)
    both = length(overlap(computing, communication))
    free = length(gaps(union([*computing, *communication]), begin, end))
    preparing = (computing[0][0] if computing else end) - begin
    alone = length(communication) - both
    times = (length(computing), alone, both, length(communication), free, end - begin, 0, alone, preparing)
    return [number, *(microseconds(time) for time in times)]
