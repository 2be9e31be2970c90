"""trace_view.json: the timeline for Perfetto and MindStudio Insight, as `torch_npu.profiler` lays it out.

Three processes: CANN (the host's calls), Ascend Hardware (a line for each stream) and Overlap Analysis
(computing, communication and free time). An arrow leads from each launch to its kernel.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from npusim.intervals import gaps, union
from npusim.profiler_tables import COMMUNICATION, COMPUTING, busy, dtype_name, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from npusim.records import Record

Event = dict[str, Any]
NO_MODEL = 4294967295  # what the profiler writes for "not part of a model"
_PROCESSES = ("CANN", "Ascend Hardware", "Overlap Analysis")
_LANES = ("Computing", "Communication", "Free")
PROCESSES_A_DEVICE = 8
_CALLS = {"kernel": "launch", "copy": "aclrtMemcpyAsync", "collective": "launch"}


def trace_events(records: Iterable[Record], launch_ns: int) -> list[Event]:
    """The events of a trace, in the file's order.

    Args:
        records: what happened.
        launch_ns: how long the host takes for one launch; the length of its bar.
    """
    by_device: dict[int, list[Record]] = {}
    for record in records:
        by_device.setdefault(record.device, []).append(record)
    events: list[Event] = []
    for device in sorted(by_device):
        found = by_device[device]
        events += _names(device, found)
        for record in found:
            events += _record_events(record, launch_ns)
        events += _overlap_events(device, found)
    return events


def write_trace(path: Path, records: Sequence[Record], launch_ns: int) -> None:
    """Writes the trace as one JSON list."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(trace_events(records, launch_ns), file, separators=(",", ":"))


def _process(device: int, name: str) -> int:
    return device * PROCESSES_A_DEVICE + _PROCESSES.index(name) + 1


def _names(device: int, records: list[Record]) -> list[Event]:
    """Names of processes and lines."""
    events: list[Event] = []
    for order, name in enumerate(_PROCESSES):
        pid = _process(device, name)
        label = {"name": name, "labels": "CPU" if name == "CANN" else f"NPU {device}", "sort_index": order}
        events += [
            {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": label["name"]}},
            {"ph": "M", "name": "process_labels", "pid": pid, "tid": 0, "args": {"labels": label["labels"]}},
            {"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": order}},
        ]
    hardware, lanes = _process(device, "Ascend Hardware"), _process(device, "Overlap Analysis")
    lines = [(hardware, stream, f"Stream {stream}") for stream in sorted({r.stream for r in records})]
    lines += [(lanes, i, name) for i, name in enumerate(_LANES)]
    return events + [
        {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}
        for pid, tid, name in lines
    ]


def _record_events(record: Record, launch_ns: int) -> list[Event]:
    host = {"pid": _process(record.device, "CANN"), "tid": 0}
    if record.category == "sync":
        return [_bar("AscendCL@aclrtSynchronizeStream", host, record.start, record.duration, {}, "cpu_op")]
    hardware = {"pid": _process(record.device, "Ascend Hardware"), "tid": record.stream}
    arguments = {
        "Model Id": NO_MODEL,
        "Task Type": record.unit,
        "Physic Stream Id": record.stream,
        "Task Id": record.index,
        "connection_id": record.index,
    }
    if record.inputs:
        arguments["Input Shapes"] = ";".join(",".join(str(d) for d in t.shape) for t in record.inputs)
        arguments["Input Data Types"] = ";".join(dtype_name(t.dtype) for t in record.inputs)
    if record.task.nbytes:
        arguments["size(B)"] = record.task.nbytes
    bar = _bar(record.name, hardware, record.start, record.duration, arguments, record.category)
    call = _CALLS.get(record.category)
    if call is None:
        return [bar]
    flow = {"cat": "HostToDevice", "name": "HostToDevice", "id": str(record.index)}
    launch = _bar(f"Node@{call}", host, record.launched, launch_ns, {"connection_id": record.index}, "cpu_op")
    return [
        launch,
        {"ph": "s", "bp": "e", **flow, **host, "ts": microseconds(record.launched)},
        bar,
        {"ph": "f", "bp": "e", **flow, **hardware, "ts": microseconds(record.start)},
    ]


def _overlap_events(device: int, records: list[Record]) -> list[Event]:
    computing, communication = busy(records, COMPUTING), busy(records, COMMUNICATION)
    either = union([*computing, *communication])
    free = gaps(either, either[0][0], either[-1][1]) if either else []
    pid = _process(device, "Overlap Analysis")
    return [
        _bar(_LANES[lane], {"pid": pid, "tid": lane}, begin, end - begin, {}, "overlap")
        for lane, intervals in enumerate((computing, communication, free))
        for begin, end in intervals
    ]


def _bar(name: str, line: dict[str, int], begin: int, duration: int, args: Event, cat: str) -> Event:  # noqa: PLR0913, PLR0917 - the parts of a bar
    """A bar; `ts` is text, so that no digit of a long time is lost."""
    return {
        "ph": "X",
        "name": name,
        **line,
        "ts": microseconds(begin),
        "dur": duration / 1000,
        "cat": cat,
        "args": args,
    }
