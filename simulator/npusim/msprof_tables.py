"""The tables that `msprof` leaves in mindstudio_profiler_output: tasks, calls and collectives.

Columns, order and fixed words are those of Ascend/msprof (analysis/csrc/application/summary); times are
microseconds of virtual time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import value
from npusim.profiler_tables import by_total, microseconds
from npusim.units import NA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npusim.records import Record

TASK_COLUMNS = (
    "Device_id",
    "kernel_name",
    "kernel_type",
    "stream_id",
    "task_id",
    "task_time(us)",
    "task_start(us)",
    "task_stop(us)",
)
API_COLUMNS = (
    "Device_id",
    "Level",
    "API Name",
    "Time(us)",
    "Count",
    "Avg(us)",
    "Min(us)",
    "Max(us)",
    "Variance",
)
COMMUNICATION_COLUMNS = (
    "Device_id",
    "OP Type",
    "Count",
    "Total Time(us)",
    "Min Time(us)",
    "Avg Time(us)",
    "Max Time(us)",
    "Ratio(%)",
)
_KERNEL_TYPES = {
    "AI_CORE": "KERNEL_AICORE",
    "AI_VECTOR_CORE": "KERNEL_AIVEC",
    "AI_CPU": "KERNEL_AICPU",
    "HCCS": "COMMUNICATION",
    "PCIE": "COMMUNICATION",
}
_ACL_CALLS = {
    "copy": "aclrtMemcpyAsync",
    "sync": "aclrtSynchronizeStream",
    "event_record": "aclrtRecordEvent",
    "event_wait": "aclrtStreamWaitEvent",
    "callback": "aclrtLaunchCallback",
}


def task_type(record: Record) -> str:
    """What the task scheduler calls a task: PCIE_DMA_SQE for a copy over the host's link, SDMA_SQE inside."""
    if record.category == "copy":
        return "SDMA_SQE" if record.unit == "SDMA" else "PCIE_DMA_SQE"
    if record.category in {"event_record", "event_wait", "callback"}:
        return f"{record.name}_SQE"
    return record.unit


def task_rows(records: Iterable[Record]) -> list[list[str]]:
    """task_time_*.csv: every task of the devices by device and start, with its header."""
    rows = [list(TASK_COLUMNS)]
    found = [record for record in records if record.category != "sync"]
    for record in sorted(found, key=lambda r: (r.device, r.start, r.index)):
        kernel = record.category == "kernel"
        times = (record.duration, record.start, record.end)
        rows.append(
            [
                str(record.device),
                record.name if kernel else NA,
                _KERNEL_TYPES.get(record.unit, record.unit) if kernel else task_type(record),
                str(record.stream),
                str(record.index),
                *(f"{microseconds(time)}\t" for time in times),
            ]
        )
    return rows


def api_rows(records: Iterable[Record]) -> list[list[str]]:
    """api_statistic_*.csv: the host's calls by level and name, with its header.

    A launch takes the host's constant time; a synchronisation as long as it waited.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    launch = value("host_launch_ns")
    for record in records:
        took = record.duration if record.category == "sync" else launch
        groups.setdefault(api_call(record), []).append(took)
    rows = [list(API_COLUMNS)]
    for level, name in sorted(groups, key=lambda key: (key[1], key[0])):
        times = groups[level, name]
        mean = sum(times) / len(times)
        variance = sum((time - mean) ** 2 for time in times) / len(times) / 1e6
        figures = [microseconds(t) for t in (round(mean), min(times), max(times))]
        total = microseconds(sum(times))
        rows.append(["host", level, name, total, str(len(times)), *figures, f"{variance:.3f}"])
    return rows


def api_call(record: Record) -> tuple[str, str]:
    """The level and name of the host's call behind a record."""
    if record.category == "kernel":
        return "node", "launch"
    if record.category == "collective":
        return "communication", record.name
    if record.task.kind == "compile":
        return "acl", record.name
    return "acl", _ACL_CALLS[record.category]


def communication_rows(records: Iterable[Record]) -> list[list[str]]:
    """communication_statistic_*.csv: collectives by type, those that take longest first, with its header."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for record in records:
        if record.category == "collective":
            groups.setdefault((record.device, record.name, ""), []).append(record.duration)
    return [list(COMMUNICATION_COLUMNS), *([row[0], row[1], *row[3:]] for row in by_total(groups))]
