"""What the advice needs of a profile: for each call of the host, its task on the device and its operator.

Read from `trace_view.json`, as torch_npu's profiler writes it with the activities CPU and NPU
(Ascend/pytorch, torch_npu/profiler/analysis). Times are whole nanoseconds.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from npu_advice.errors import NoProfileError, NoTimelineError

OUTPUT = "ASCEND_PROFILER_OUTPUT"
TIMELINE = "trace_view.json"
STEP = "ProfilerStep#"
_OPERATORS = frozenset({"cpu_op", "user_annotation"})
_FREE = frozenset({"event_record", "event_wait", "callback"})
Event = dict[str, Any]


class HostOp(NamedTuple):
    """An operator or range of PyTorch.

    Attributes:
        name: "aten::addmm", "Optimizer.step#AdamW.step", ...
        begin: when it began, in nanoseconds.
        end: when it ended.
        shapes: of its inputs, as the profiler wrote them; empty without `record_shapes`.
        stack: where it was called, innermost first; empty without `with_stack`.
    """

    name: str
    begin: int
    end: int
    shapes: str
    stack: str


class Call(NamedTuple):
    """One thing that the host gave the device.

    Attributes:
        kind: "kernel", "copy", "sync", or "compile" where the host compiled an operator.
        name: the operator's type, "H2D", "D2H" or "D2D", or the call.
        gap: nanoseconds that the host did something else before it.
        host: nanoseconds of the call.
        stream: the stream's number.
        lag: nanoseconds that the task began later than host and stream explain.
        duration: nanoseconds of the task.
        waits: whether the host stood still until the task was done.
        nbytes: of a copy.
        shapes: of the operands read.
        dtypes: of the operands read, such as FLOAT.
        op: the operator of PyTorch that it came from.
        optimizer: the optimizer in whose step it was, such as AdamW; else empty.
        step: the number of the training step.
    """

    kind: str
    name: str
    gap: int
    host: int
    stream: int = 0
    lag: int = 0
    duration: int = 0
    waits: bool = False
    nbytes: int = 0
    shapes: tuple[tuple[int, ...], ...] = ()
    dtypes: tuple[str, ...] = ()
    op: HostOp | None = None
    optimizer: str = ""
    step: int = 0


class Profile(NamedTuple):
    """A profile as the advice sees it.

    Attributes:
        folder: where it was read.
        calls: in the order in which the host made them, those between steps left out.
        steps: how many training steps it holds; 1 where it knows none.
    """

    folder: Path
    calls: tuple[Call, ...]
    steps: int


def read_profile(folder: str | Path) -> Profile:
    """The profile in a folder.

    Args:
        folder: what the profiler made (`..._ascend_pt`), the folder that holds it, or its
            ASCEND_PROFILER_OUTPUT.

    Raises:
        NoProfileError: it holds none, or several.
        NoTimelineError: the time line is missing, unreadable, or lacks one side.
    """
    output = _output(Path(folder))
    events = _events(output / TIMELINE)
    ops = _host_ops(events)
    steps = sorted((op for op in ops if op.name.startswith(STEP)), key=lambda op: op.begin)
    made = [e for e in events if e.get("ph") == "X" and e.get("cat") == "cann"]
    tasks = _tasks(events)
    if not tasks or not made:
        raise NoTimelineError(
            f"{output / TIMELINE} has no tasks of the device with their calls; record with the activities "
            "CPU and NPU, and with profiler_level Level1."
        )
    calls = _calls(made, tasks, _owners(events, ops), ops, steps)
    return Profile(output.parent, tuple(calls), max(len(steps), 1))


def _output(folder: Path) -> Path:
    if (folder / TIMELINE).is_file():
        return folder
    found = sorted({*folder.glob(OUTPUT), *folder.glob(f"*_ascend_pt/{OUTPUT}")})
    if len(found) != 1:
        names = ", ".join(path.parent.name for path in found[:3])
        raise NoProfileError(
            f"{folder} holds {len(found) or 'no'} profile{'s' * (len(found) > 1)} of torch_npu's profiler"
            f"{f' ({names})' if found else ''}; name one folder that ends in _ascend_pt."
        )
    return found[0]


def _events(path: Path) -> list[Event]:
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise NoTimelineError(f"{path} cannot be read: {reason}; record the profile again.") from None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise NoTimelineError(f"{path} is no list of events; it is not torch_npu's time line.")
    return events


def _ns(microseconds: object) -> int:
    try:
        return round(Decimal(str(microseconds)) * 1000)
    except (InvalidOperation, ValueError, OverflowError):
        raise NoTimelineError(
            f"the time {microseconds!r} in the time line is no number; record the profile again."
        ) from None


def _span(event: Event) -> tuple[int, int]:
    begin = _ns(event.get("ts"))
    return begin, begin + _ns(event.get("dur", 0))


def _host_ops(events: list[Event]) -> list[HostOp]:
    found = []
    for event in events:
        if event.get("ph") == "X" and event.get("cat") in _OPERATORS:
            args = event.get("args", {})
            shapes, stack = str(args.get("Input Dims", "")), str(args.get("Call stack", ""))
            found.append(HostOp(str(event.get("name")), *_span(event), shapes, stack))
    return found


def _tasks(events: list[Event]) -> dict[str, Event]:
    """Tasks of the device by the number that joins them to their call."""
    found = {}
    for event in events:
        args = event.get("args", {})
        if event.get("ph") == "X" and "Stream Id" in args and "connection_id" in args:
            found[str(args["connection_id"])] = event
    return found


def _owners(events: list[Event], ops: list[HostOp]) -> dict[tuple[object, object, int], HostOp]:
    """The innermost operator of each task, by the task's line and start, from the arrows between them."""
    by_begin: dict[int, list[HostOp]] = {}
    for op in ops:
        by_begin.setdefault(op.begin, []).append(op)
    starts: dict[str, list[int]] = {}
    ends: dict[str, tuple[object, object, int]] = {}
    for event in events:
        if event.get("cat") == "async_npu":
            number = str(event.get("id"))
            if event.get("ph") == "s":
                starts.setdefault(number, []).append(_ns(event.get("ts")))
            else:
                ends[number] = (event.get("pid"), event.get("tid"), _ns(event.get("ts")))
    found = {}
    for number, place in ends.items():
        begins = starts.get(number, [])
        around = [op for begin in begins for op in by_begin.get(begin, ()) if op.end > op.begin]
        around = [op for op in around if not op.name.startswith(("ProfilerStep", "Optimizer."))]
        if around:
            found[place] = min(around, key=lambda op: (op.end - op.begin, -op.begin))
    return found


def _calls(
    made: list[Event],
    tasks: dict[str, Event],
    owners: dict[tuple[object, object, int], HostOp],
    ops: list[HostOp],
    steps: list[HostOp],
) -> list[Call]:
    optimizers = sorted((op for op in ops if op.name.startswith("Optimizer.step#")), key=lambda op: op.begin)
    ordered = sorted(((*_span(event), event) for event in made), key=lambda each: each[0])
    ready: int | None = None  # when the host could have made the next call
    tails: dict[int, int] = {}
    calls: list[Call] = []
    for place, (begin, end, event) in enumerate(ordered):
        step = _inside(begin, steps)
        task = tasks.get(str(event.get("args", {}).get("connection_id")))
        if task is not None and task.get("cat") in _FREE:
            continue
        following = ordered[place + 1][0] if place + 1 < len(ordered) else None
        call = _call(event, task, owners, (begin, end, ready if ready is not None else begin), tails)
        if task is not None:
            call = call._replace(waits=_waits(call, tails[call.stream], following))
        optimizer = _inside(begin, optimizers)
        name = optimizer.name.partition("#")[2].partition(".")[0] if optimizer else ""
        ready = max(end, tails[call.stream]) if call.waits and task is not None else end
        if step is not None or not steps:
            calls.append(call._replace(optimizer=name, step=int(step.name[len(STEP) :]) if step else 0))
    return calls


def _inside(time: int, ranges: list[HostOp]) -> HostOp | None:
    return next((each for each in ranges if each.begin <= time < each.end), None)


def _call(
    event: Event,
    task: Event | None,
    owners: dict[tuple[object, object, int], HostOp],
    times: tuple[int, int, int],
    tails: dict[int, int],
) -> Call:
    """One call and its task; `tails` is told when the task's stream is free again."""
    begin, end, ready = times
    gap = max(0, begin - ready)
    name = str(event.get("name", "")).partition("@")[2]
    if task is None:
        compiles = name.startswith("aclopCompile")
        return Call("compile" if compiles else "sync", name, gap, end - begin, waits=not compiles)
    args = task.get("args", {})
    stream = int(args["Stream Id"])
    start, stop = _span(task)
    lag = max(0, start - max(end, tails.get(stream, 0)))
    tails[stream] = max(stop, tails.get(stream, 0))
    direction = str(args.get("operation", ""))
    kind = "copy" if direction else "kernel"
    name = {"host to device": "H2D", "device to host": "D2H"}.get(direction, "D2D") if direction else name
    return Call(
        kind,
        name if direction else str(task.get("name")),
        gap,
        end - begin,
        stream,
        lag,
        stop - start,
        nbytes=int(args.get("size(B)", 0)),
        shapes=tuple(_shape(text) for text in _split(args.get("Input Shapes"))),
        dtypes=tuple(_split(args.get("Input Data Types"))),
        op=owners.get((task.get("pid"), task.get("tid"), start)),
    )


def _split(text: object) -> list[str]:
    return [part.strip('" ') for part in str(text).split(";")] if text else []


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip().isdigit())


def _waits(call: Call, done: int, following: int | None) -> bool:
    """Whether the host stood still until a copy was done: its operator, or the next call, says so."""
    if call.kind != "copy" or call.name == "D2D":
        return False
    if call.op is not None and (call.op.end >= done or call.name == "H2D"):
        return call.op.end >= done
    return following is not None and following >= done
