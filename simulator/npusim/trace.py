"""trace_view.json and msprof_*.json: the timeline for Perfetto and MindStudio Insight.

Laid out as `msprof` and `torch_npu.profiler` do (Ascend/msprof, analysis/csrc/application/timeline;
Ascend/pytorch, _trace_event_manager.py): Python (the framework's operators), CANN (the host's calls), Ascend
Hardware (a line for each stream), Communication, and Overlap Analysis. Arrows lead from each launch to its
task (HostToDevice), from the framework's operator to its kernels (async_npu), and from each operator to its
backward pass (fwdbwd).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from npusim.host_ops import owners
from npusim.intervals import gaps, union
from npusim.kernel_tables import NO_MODEL
from npusim.msprof_tables import api_call, task_type
from npusim.profiler_tables import COMMUNICATION, COMPUTING, busy, dtype_name, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from npusim.host_ops import HostOp
    from npusim.records import Record

Event = dict[str, Any]
PID = 1
# name of a process: its place, which is also part of its number
_LAYERS = {"CANN": 7, "Ascend Hardware": 14, "Communication": 16, "Overlap Analysis": 31}
HOST = 31  # in a device's place
_LANES = ("Computing", "Communication", "Communication(Not Overlapped)", "Free")
_LEVELS = {"acl": "AscendCL", "node": "Node", "communication": "Communication"}
_COPIES = {"H2D": "host to device", "D2H": "device to host", "D2D": "device to device"}
MAIN_THREAD = 1
LAST_PICOSECOND = 999


def trace_events(
    records: Iterable[Record],
    launch_ns: int,
    host_ops: Sequence[HostOp] = (),
    pid: int = PID,
    *,
    calls: bool = True,
) -> list[Event]:
    """The events of a trace, in the file's order.

    Args:
        records: what happened.
        launch_ns: how long the host takes for one launch; the length of its bar.
        host_ops: what the framework did on the host.
        pid: the program's number, which the numbers of the trace's processes are made from.
        calls: with CANN's calls on the host and the arrows from them, which Level0 leaves out.
    """
    listed = list(records)
    if not listed and not host_ops:
        return []
    moments = _moments(host_ops)
    events = _host_events(host_ops, pid, moments)
    owned = owners(host_ops, listed) if host_ops else {}
    if calls:
        events += _process_names(pid, "CANN", HOST, [(MAIN_THREAD, f"Thread {MAIN_THREAD}")])
    by_device: dict[int, list[Record]] = {}
    for record in listed:
        by_device.setdefault(record.device, []).append(record)
    for device in sorted(by_device):
        found = by_device[device]
        events += _device_names(pid, device, found)
        for record in found:
            events += _record_events(record, launch_ns, pid, calls=calls)
            owner = owned.get(record.index)
            if owner is not None:
                events += _own(record, owner, pid, moments[id(owner)])
        events += _overlap_events(pid, device, found)
    return events


def write_trace(  # noqa: PLR0913 - what a trace is made from
    path: Path,
    records: Sequence[Record],
    launch_ns: int,
    host_ops: Sequence[HostOp] = (),
    pid: int = PID,
    *,
    calls: bool = True,
) -> None:
    """Writes the trace as one JSON list; see `trace_events`."""
    events = trace_events(records, launch_ns, host_ops, pid, calls=calls)
    with path.open("w", encoding="utf-8") as file:
        json.dump(events, file, separators=(",", ":"))


def _number(pid: int, layer: str, device: int) -> int:
    """A process's number: the program's, the layer's place and the device in one."""
    return (pid << 10) | (_LAYERS[layer] << 5) | device


def _process_names(pid: int, layer: str, device: int, lines: Sequence[tuple[int, str]]) -> list[Event]:
    number = _number(pid, layer, device)
    label = "CPU" if device == HOST else f"NPU {device}"
    return _names(number, layer, label, _LAYERS[layer], lines)


def _names(number: int, name: str, label: str, place: int, lines: Sequence[tuple[int, str]]) -> list[Event]:
    """Names and places of a process and its lines."""
    head = {"ph": "M", "pid": number, "tid": 0}
    events: list[Event] = [
        {**head, "name": "process_name", "args": {"name": name}},
        {**head, "name": "process_labels", "args": {"labels": label}},
        {**head, "name": "process_sort_index", "args": {"sort_index": place}},
    ]
    for tid, line in lines:
        events.append({**head, "name": "thread_name", "tid": tid, "args": {"name": line}})
        events.append({**head, "name": "thread_sort_index", "tid": tid, "args": {"sort_index": tid}})
    return events


def _device_names(pid: int, device: int, records: list[Record]) -> list[Event]:
    streams = sorted({r.stream for r in records})
    events = _process_names(pid, "Ascend Hardware", device, [(s, f"Stream {s}") for s in streams])
    groups = _groups(records)
    if groups:
        lines = [(group, f"Group {group} Communication") for group in groups]
        events += _process_names(pid, "Communication", device, lines)
    return events + _process_names(pid, "Overlap Analysis", device, list(enumerate(_LANES)))


def _groups(records: Iterable[Record]) -> list[int]:
    """Sizes of the groups that communicated: each has a line."""
    return sorted({r.task.ranks for r in records if r.category == "collective"})


def _moments(ops: Sequence[HostOp]) -> dict[int, int]:
    """By the id of each operator: how many began before it at the same nanosecond.

    A view takes no virtual time, and one operator begins when the last one ends. Analysers rebuild the
    nesting from the times, so each begins a picosecond after the one before it (`_when`) and ends one before
    its end. A Python function begins with the operator that follows, which it may be around.
    """
    seen: dict[int, int] = {}
    found = {}
    for op in ops:
        found[id(op)] = seen.get(op.begin, 0)
        if op.call is None:
            seen[op.begin] = found[id(op)] + 1
    return found


def _when(begin: int, place: int) -> str:
    """A moment in microseconds, so many picoseconds later."""
    return microseconds(begin) + (f"{min(place, LAST_PICOSECOND):03}" if place else "")


def _host_events(ops: Sequence[HostOp], pid: int, moments: dict[int, int]) -> list[Event]:
    """The framework's operators, and arrows from each to its backward pass on another thread."""
    if not ops:
        return []
    lines = [(thread, f"Thread {thread}") for thread in sorted({op.thread for op in ops})]
    events = _names(pid, "Python", "CPU", 0, lines)
    forward: dict[int, HostOp] = {}
    for op in ops:
        arguments: Event = {"Sequence number": op.sequence, "Fwd thread id": 0} if op.sequence >= 0 else {}
        if op.shapes:
            arguments |= {"Input Dims": op.shapes, "Input type": op.dtypes}
        if op.stack:
            arguments["Call stack"] = op.stack
        if op.call is not None:
            arguments |= _call_arguments(op.call)
        line = {"pid": pid, "tid": op.thread}
        before = forward.setdefault(op.sequence, op) if op.sequence >= 0 else op
        if before.thread != op.thread and op.sequence in forward:
            arguments["Fwd thread id"] = before.thread
            head = {"bp": "e", "cat": "fwdbwd", "name": "fwdbwd", "id": op.sequence}
            events.append(
                {"ph": "s", **head, "pid": pid, "tid": before.thread, "ts": microseconds(before.begin)}
            )
            events.append({"ph": "f", **head, **line, "ts": microseconds(op.begin)})
            del forward[op.sequence]
        bar = _bar(op.name, line, op.begin, op.end - op.begin, arguments, op.category)
        bar["ts"] = _when(op.begin, moments[id(op)])
        if op.end > op.begin:
            bar["dur"] = round(bar["dur"] - (moments[id(op)] + (op.call is None)) / 1e6, 6)
        events.append(bar)
        if op.span is not None:
            device, stream, begin, end = op.span
            hardware = {"pid": _number(pid, "Ascend Hardware", device), "tid": stream}
            events.append(_bar(op.name, hardware, begin, end - begin, {}, op.category))
    return events


def _call_arguments(call: tuple[int, ...]) -> Event:
    """The numbers of a Python function, and of its module where it is one's."""
    number, around, module = call
    numbers = {"Python id": number, "Python parent id": around}
    return numbers if module < 0 else {**numbers, "Python module id": module}


def _record_events(record: Record, launch_ns: int, pid: int, *, calls: bool) -> list[Event]:
    host = {"pid": _number(pid, "CANN", HOST), "tid": MAIN_THREAD}
    level, call = api_call(record)
    title = f"{_LEVELS[level]}@{call}"
    arguments: Event = {
        "Thread Id": MAIN_THREAD,
        "Mode": call,
        "level": level,
        "id": call,
        "item_id": record.name,
        "connection_id": record.index,
    }
    if record.category == "sync":
        return [_bar(title, host, record.start, record.duration, arguments, "cann")] if calls else []
    hardware = {"pid": _number(pid, "Ascend Hardware", record.device), "tid": record.stream}
    name = "MEMCPY_ASYNC" if record.category == "copy" else record.name
    bar = _bar(name, hardware, record.start, record.duration, _task_arguments(record), record.category)
    if record.category in {"event_record", "event_wait", "callback"}:
        return [bar]
    call_bar = _bar(title, host, record.launched, launch_ns, arguments, "cann")
    events = [call_bar, bar] if calls else [bar]
    if record.category == "collective":
        events.append(_communication_bar(record, pid))
    if calls:
        flow = {"cat": "HostToDevice", "name": "HostToDevice", "id": str(record.index)}
        events += _arrow(flow, record, host, microseconds(record.launched), hardware)
    return events


def _own(record: Record, owner: HostOp, pid: int, place: int) -> list[Event]:
    """The arrow from an operator of the framework to its task."""
    if record.category not in {"kernel", "copy", "collective"}:
        return []
    hardware = {"pid": _number(pid, "Ascend Hardware", record.device), "tid": record.stream}
    flow = {"cat": "async_npu", "name": "torch_to_npu", "id": microseconds(record.start)}
    host = {"pid": pid, "tid": owner.thread}
    return _arrow(flow, record, host, _when(owner.begin, place), hardware)


def _arrow(
    flow: Event, record: Record, host: dict[str, int], begin: str, hardware: dict[str, int]
) -> list[Event]:
    """From what the host did to the task on the device."""
    flow = {"bp": "e", **flow}
    return [
        {"ph": "s", **flow, **host, "ts": begin},
        {"ph": "f", **flow, **hardware, "ts": microseconds(record.start)},
    ]


def _task_arguments(record: Record) -> Event:
    arguments: Event = {
        "Model Id": NO_MODEL,
        "Task Type": task_type(record),
        "Physic Stream Id": record.stream,
        "Stream Id": record.stream,
        "Task Id": record.index,
        "Batch Id": 0,
        "Subtask Id": NO_MODEL,
        "connection_id": record.index,
    }
    if record.inputs:
        arguments["Input Shapes"] = ";".join(",".join(str(d) for d in t.shape) for t in record.inputs)
        arguments["Input Data Types"] = ";".join(dtype_name(t.dtype) for t in record.inputs)
    if record.category == "copy":
        arguments["size(B)"] = record.task.nbytes
        arguments["bandwidth(GB/s)"] = round(record.task.nbytes / max(record.duration, 1), 3)
        arguments["operation"] = _COPIES[record.name]
    return arguments


def _communication_bar(record: Record, pid: int) -> Event:
    """The collective on its group's line; the line's number is the group's size, which names it too."""
    task = record.task
    arguments = {
        "connection_id": record.index,
        "model id": NO_MODEL,
        "rank_size": task.ranks,
        "data_type": "N/A",
        "alg_type": "MESH" if record.unit == "HCCS" else "RING",
        "count": task.nbytes,
        "relay": "no",
        "retry": "no",
    }
    line = {"pid": _number(pid, "Communication", record.device), "tid": task.ranks}
    return _bar(record.name, line, record.start, record.duration, arguments, "communication")


def _overlap_events(pid: int, device: int, records: list[Record]) -> list[Event]:
    computing, communication = busy(records, COMPUTING), busy(records, COMMUNICATION)
    either = union([*computing, *communication])
    free = gaps(either, either[0][0], either[-1][1]) if either else []
    alone = [part for begin, end in communication for part in gaps(computing, begin, end)]
    number = _number(pid, "Overlap Analysis", device)
    return [
        _bar(_LANES[lane], {"pid": number, "tid": lane}, begin, end - begin, {}, "overlap")
        for lane, intervals in enumerate((computing, communication, alone, free))
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
