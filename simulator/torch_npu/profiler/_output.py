"""ASCEND_PROFILER_OUTPUT, from what was recorded: the device's tables by npusim, the host's here.

Column names follow torch_npu's profiler (Ascend/pytorch, torch_npu/profiler/analysis); times are
microseconds of virtual time with three decimals.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import npusim
from npusim.host_ops import MEMORY_COLUMNS, OPERATOR_COLUMNS, RECORD_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from torch_npu.profiler._capture import Capture, HostEvent, MemoryEvent

HOST_PROCESS = 1 << 16  # beyond the numbers that the device's side uses
_OPERATORS = frozenset({"cpu_op", "user_annotation"})
_AI_CORE = ("AI_CORE", "MIX_AIC")
_KB = 1024
_MICROSECOND = 1000
_MB = 1 << 20


def write_output(
    folder: Path,
    capture: Capture,
    *,
    memory: bool,
    host: bool,
    device: bool,
    level: str = "Level0",
    metrics: str = "",
    rank: int = -1,
) -> None:
    """Writes the result files of a profile.

    Args:
        folder: the profile's, in which ASCEND_PROFILER_OUTPUT is made.
        capture: what was recorded.
        memory: whether memory was recorded.
        host: whether the host's activities were asked for.
        device: whether the device's were.
        level: a `ProfilerLevel`.
        metrics: "PipeUtilization", or nothing: which counters of the cores.
        rank: of this process; -1 where there is only one.
    """
    steps = [npusim.Step(number, begin, end) for number, begin, end in capture.steps]
    records = capture.records if device else []
    output = npusim.write_profiler_output(folder, records, steps, level=level, metrics=metrics, rank=rank)
    if not device:
        for name in ("kernel_details.csv", "op_statistic.csv", "step_trace_time.csv"):
            (output / name).unlink(missing_ok=True)
    if host:
        _write_csv(output / "operator_details.csv", OPERATOR_COLUMNS, operator_rows(capture))
        add_to_trace(output / "trace_view.json", capture)
    if memory:
        _write_csv(output / "operator_memory.csv", MEMORY_COLUMNS, operator_memory_rows(capture))
        _write_csv(output / "memory_record.csv", RECORD_COLUMNS, memory_record_rows(capture))
    (output / "analyse.done").touch()


def write_trace(path: Path, capture: Capture) -> None:
    """Writes the timeline alone, as one JSON list."""
    from npusim.constants import value
    from npusim.trace import write_trace as write_device_trace

    write_device_trace(path, capture.records, value("host_launch_ns"))
    add_to_trace(path, capture)


def microseconds(ns: int) -> str:
    """Nanoseconds as microseconds with three decimals, exactly."""
    sign = "-" if ns < 0 else ""
    return f"{sign}{abs(ns) // 1000}.{abs(ns) % 1000:03d}"


def operator_rows(capture: Capture) -> Iterable[list[str]]:
    """operator_details.csv: one row an operator or range, steps left out."""
    within: dict[int, list[HostEvent]] = {}
    for event in capture.events:
        if event.parent >= 0:
            within.setdefault(event.parent, []).append(event)
    first = capture.records[0].index if capture.records else 0
    device = _running_sums(capture.records)
    core = _running_sums(capture.records, _AI_CORE)
    for place, event in enumerate(capture.events):
        if event.cat not in _OPERATORS or event.name.startswith("ProfilerStep#"):
            continue
        children = within.get(place, [])
        yield [
            event.name,
            event.shapes,
            event.stack,
            *_self_and_total([(e.begin, e.end) for e in (event, *children)], None),
            *_self_and_total([(e.first - first, e.last - first) for e in (event, *children)], device),
            *_self_and_total([(e.first - first, e.last - first) for e in (event, *children)], core),
        ]


def _running_sums(records: Sequence[npusim.Record], units: tuple[str, ...] | None = None) -> list[int]:
    """Device time of the records before each."""
    sums = [0]
    for record in records:
        counts = record.category in {"kernel", "collective"} and (units is None or record.unit in units)
        sums.append(sums[-1] + (record.duration if counts else 0))
    return sums


def _self_and_total(spans: list[tuple[int, int]], sums: list[int] | None) -> list[str]:
    """What an event took without its children, and with them; spans are its own and then theirs."""
    if sums is None:
        lengths = [end - begin for begin, end in spans]
    else:
        last = len(sums) - 1
        lengths = [sums[max(0, min(end, last))] - sums[max(0, min(begin, last))] for begin, end in spans]
    return [microseconds(lengths[0] - sum(lengths[1:])), microseconds(lengths[0])]


def operator_memory_rows(capture: Capture) -> Iterable[list[str]]:
    """operator_memory.csv: one row a block of memory taken in the recording, with when it was given back."""
    rows: dict[int, list[str]] = {}
    taken: dict[tuple[int, int], tuple[int, MemoryEvent]] = {}
    for number, event in enumerate(capture.memory_events):
        if event.taken:
            taken[event.device, event.address] = (number, event)
            rows[number] = _memory_row(event, None)
            continue
        found = taken.pop((event.device, event.address), None)
        if found is not None:
            rows[found[0]] = _memory_row(found[1], event)
    return rows.values()


def _memory_row(taken: MemoryEvent, given: MemoryEvent | None) -> list[str]:
    released = ["", "", "", ""]
    totals = ["", "", ""]
    if given is not None:
        span = microseconds(given.time - taken.time)
        released = [f"{microseconds(given.time)}\t", f"{microseconds(given.time)}\t", span, span]
        totals = _totals(given)
    size = f"{taken.nbytes / _KB:g}"
    place = [str(taken.stream), f"NPU:{taken.device}"]
    return [taken.op, size, f"{microseconds(taken.time)}\t", *released, *_totals(taken), *totals, *place]


def memory_record_rows(capture: Capture) -> Iterable[list[str]]:
    """memory_record.csv: the allocator's totals after each change."""
    for event in capture.memory_events:
        place = [str(event.stream), f"NPU:{event.device}"]
        for component in ("PTA", "PTA+GE"):
            yield [component, f"{microseconds(event.time)}\t", *_totals(event), *place]


def _totals(event: MemoryEvent) -> list[str]:
    return [f"{nbytes / _MB:.6f}" for nbytes in (event.allocated, event.reserved, event.active)]


def add_to_trace(path: Path, capture: Capture) -> None:
    """Adds the host's operators and ranges to a timeline, with arrows from operators to their kernels."""
    events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    kernels = {
        event["args"]["connection_id"]: event
        for event in events
        if event.get("ph") == "X"
        and event.get("cat") != "cpu_op"
        and "connection_id" in event.get("args", {})
    }
    events += _process_names(capture)
    for event in capture.events:
        events.append(_bar(event))
        if event.cat == "cpu_op":
            for number in range(event.first, event.last):
                if number in kernels:
                    events += _arrow(event, kernels[number])
        if event.stream is not None:
            events.append(_bar_on_stream(event, events))
    path.write_text(json.dumps(events, separators=(",", ":")), encoding="utf-8")


def _process_names(capture: Capture) -> list[dict[str, Any]]:
    def name(kind: str, tid: int, **args: Any) -> dict[str, Any]:
        return {"ph": "M", "name": kind, "pid": HOST_PROCESS, "tid": tid, "args": args}

    lines = [
        name("process_name", 0, name="Python"),
        name("process_labels", 0, labels="CPU"),
        name("process_sort_index", 0, sort_index=0),
    ]
    for thread in sorted({event.thread for event in capture.events}):
        lines += [
            name("thread_name", thread, name=f"Thread {thread}"),
            name("thread_sort_index", thread, sort_index=thread),
        ]
    return lines


def _bar(event: HostEvent) -> dict[str, Any]:
    args: dict[str, Any] = {}
    if event.shapes or event.types:
        args = {"Input Dims": event.shapes, "Input type": event.types}
    if event.stack:
        args["Call stack"] = event.stack
    return {
        "ph": "X",
        "name": event.name,
        "pid": HOST_PROCESS,
        "tid": event.thread,
        "ts": microseconds(event.begin),
        "dur": (event.end - event.begin) / 1000,
        "cat": event.cat,
        "args": args,
    }


def _bar_on_stream(event: HostEvent, events: list[dict[str, Any]]) -> dict[str, Any]:
    """A range of mstx on the line of its stream, which lies in the process named Ascend Hardware."""
    device, begin, end = event.device
    label = f"NPU {device}"
    labels = {e["pid"] for e in events if e.get("name") == "process_labels" and e["args"]["labels"] == label}
    named = {e["pid"] for e in events if e.get("name") == "process_name" and "Hardware" in e["args"]["name"]}
    return _bar(event) | {
        "pid": min(labels & named, default=HOST_PROCESS),
        "tid": event.stream,
        "ts": microseconds(begin),
        "dur": (end - begin) / 1000,
    }


def _arrow(event: HostEvent, kernel: dict[str, Any]) -> list[dict[str, Any]]:
    flow = {"bp": "e", "name": "torch_to_npu", "id": kernel["ts"], "cat": "async_npu"}
    begin = {"pid": HOST_PROCESS, "tid": event.thread, "ts": microseconds(event.begin)}
    end = {"pid": kernel["pid"], "tid": kernel["tid"], "ts": kernel["ts"]}
    return [{"ph": "s", **flow, **begin}, {"ph": "f", **flow, **end}]


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def stack_lines(capture: Capture, metric: str) -> list[str]:
    """Call stacks, outermost first, with microseconds: what a flame graph is drawn from."""
    lines = []
    sums = _running_sums(capture.records)
    first = capture.records[0].index if capture.records else 0
    for event in capture.events:
        if not event.stack or event.cat not in _OPERATORS:
            continue
        if metric == "self_npu_time_total":
            time = sums[min(event.last - first, len(sums) - 1)] - sums[max(event.first - first, 0)]
        else:
            time = event.end - event.begin
        if time >= _MICROSECOND:
            frames = [frame.strip() for frame in event.stack.split(";")]
            lines.append(f"{';'.join(reversed(frames))} {time // 1000}")
    return lines
