"""What the program does while it is profiled: operators, ranges, modules and memory, on virtual time.

Operators are seen by a dispatch mode, below autograd, in the thread that began the profile and in the
backward passes it starts. The device's side is npusim's list of records.
"""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import npusim
import torch
from torch.utils import _python_dispatch as _dispatch

from torch_npu._sim import runtime, watchers
from torch_npu.profiler._python_calls import PythonCalls

if TYPE_CHECKING:
    from types import FrameType

RECORD_ENTER = "profiler::_record_function_enter_new"
RECORD_EXIT = "profiler::_record_function_exit"
_STACK_DEPTH = 32
_NOT_SHOWN = ("_python_dispatch.py", "eval_frame.py", "_library/utils.py", "torch/_ops.py")


class HostEvent:
    """Something that the host did.

    Attributes:
        name: "aten::mm", the name of a range, "nn.Module: Linear".
        cat: "cpu_op", "user_annotation", "python_function", "mstx".
        thread: the number of its line in the trace.
        begin: nanoseconds of virtual time.
        end: the same.
        shapes: input shapes as text, "" where they were not recorded.
        types: input types as text.
        stack: the call stack, innermost first.
        stream: the stream on whose line it appears as well, with the times there; None for none.
        call: of a Python function: its number, that of the function around it, and its module's or -1.
    """

    __slots__ = (
        "begin",
        "call",
        "cat",
        "device",
        "end",
        "name",
        "shapes",
        "stack",
        "stream",
        "thread",
        "types",
    )

    def __init__(self, name: str, cat: str, thread: int, begin: int) -> None:
        self.name = name
        self.cat = cat
        self.thread = thread
        self.begin = self.end = begin
        self.shapes = self.types = self.stack = ""
        self.stream: int | None = None
        self.device: list[int] = []  # device, begin and end there
        self.call: list[int] = []

    def as_row(self) -> list[Any]:
        """Its attributes, in order, for a file."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def from_row(cls, row: list[Any]) -> HostEvent:
        """The event that `as_row` wrote."""
        event = cls.__new__(cls)
        for name, value in zip(cls.__slots__, row, strict=True):
            setattr(event, name, value)
        return event


class Wanted:
    """What a profile was asked to record besides operators and kernels."""

    def __init__(self, **switches: Any) -> None:
        self.shapes: bool = switches.get("record_shapes", False)
        self.memory: bool = switches.get("profile_memory", False)
        self.stack: bool = switches.get("with_stack", False)
        self.calls: bool = switches.get("calls", False)
        self.ranges: bool = switches.get("ranges", False)
        self.domain = switches.get("domain", lambda _domain: True)
        self.gc_threshold: float | None = switches.get("gc_threshold")


class Watcher(_dispatch.TorchDispatchMode):
    """Sees every operator of the thread it is entered in."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capture = capture
        self.open: list[int] = []  # ranges and modules around the next operator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        capture, name = self.capture, func._schema.name
        if not capture.running:
            return func(*args, **(kwargs or {}))
        if name == RECORD_ENTER:
            self.begin(args[0], "user_annotation")
            return func(*args, **(kwargs or {}))
        if name == RECORD_EXIT:
            self.finish("user_annotation")
            return func(*args, **(kwargs or {}))
        place = self.begin(name, "cpu_op")
        try:
            return func(*args, **(kwargs or {}))
        finally:
            event = capture.events[place]
            self.close(place)
            if capture.wanted.shapes:
                event.shapes, event.types = _operands(args)

    def begin(self, name: str, cat: str) -> int:
        """Opens an event within those that are open; returns its place in the list."""
        capture = self.capture
        event = HostEvent(name, cat, capture.line_of_thread(), capture.now())
        if capture.wanted.stack:
            event.stack = _call_stack(sys._getframe(1))
        place = len(capture.events)
        capture.events.append(event)
        self.open.append(place)
        return place

    def finish(self, cat: str) -> None:
        """Closes the innermost open event of that kind; does nothing where none is open."""
        events = self.capture.events
        place = next((p for p in reversed(self.open) if events[p].cat == cat), None)
        if place is not None:
            self.close(place)

    def close(self, place: int) -> None:
        """Closes an event, and those within it that were left open."""
        while self.open:
            last = self.open.pop()
            event = self.capture.events[last]
            event.end = self.capture.now()
            if last == place:
                break


class Capture:
    """One recording, from `start` to `stop`.

    Attributes:
        events: what the host did, in the order in which it began.
        memory_events: memory taken and given back.
        records: what the device did.
        steps: number, begin and end of each training step.
        began: virtual time of the start.
        ended: virtual time of the stop.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.running = False
        self.events: list[HostEvent] = []
        self.memory_events: list[npusim.MemoryChange] = []
        self.records: list[npusim.Record] = []
        self.steps: list[tuple[int, int, int]] = []
        self.began = self.ended = 0
        self._first = 0
        self._watchers: dict[int, Watcher] = {}
        self._lines: dict[int, int] = {}
        self._ranges: dict[int, HostEvent] = {}
        self._calls: PythonCalls | None = None

    def now(self) -> int:
        """Virtual time of the host."""
        return npusim.node().host.now

    def position(self) -> int:
        """The number of the next record."""
        return len(npusim.node().records)

    def line_of_thread(self) -> int:
        """A small number for the calling thread, by first appearance: real ones differ from run to run."""
        return self._lines.setdefault(threading.get_ident(), len(self._lines) + 1)

    def start(self) -> None:
        """Begins to record."""
        self.running = True
        self.began, self._first = self.now(), self.position()
        self.line_of_thread()
        self.watch_thread()
        watchers.operators.append(self)
        if self.wanted.memory:
            watchers.memory.append(self)
        if self.wanted.ranges:
            watchers.ranges.append(self)
        if self.wanted.gc_threshold is not None:
            gc.callbacks.append(self._collected)
        if self.wanted.calls:
            self._calls = PythonCalls(self)
            self._calls.start()

    def stop(self) -> None:
        """Ends the recording, after the device has done what it was given."""
        if self._calls is not None:
            self._calls.stop()
        records = npusim.node().records
        for index in sorted({record.device for record in records[self._first :]}):
            runtime.sim_device(index).synchronize()
        self.running = False
        for watcher in self._watchers.values():
            for place in [*watcher.open]:
                watcher.close(place)
        self.unwatch_thread()
        for registered in (watchers.operators, watchers.memory, watchers.ranges):
            if self in registered:
                registered.remove(self)
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        self.ended = self.now()
        self.records = records[self._first :]

    def watch_thread(self) -> None:
        """Sees the operators of the calling thread from now on."""
        watcher = Watcher(self)
        self._watchers[threading.get_ident()] = watcher
        watcher.__enter__()  # type: ignore[no-untyped-call]

    def unwatch_thread(self) -> None:
        """Ends what `watch_thread` began; modes that were entered since stay."""
        watcher = self._watchers.pop(threading.get_ident(), None)
        above = []
        while watcher is not None:
            stack = _dispatch._get_current_dispatch_mode_stack()
            if watcher not in stack:
                break
            if stack[-1] is watcher:
                watcher.__exit__(None, None, None)  # type: ignore[no-untyped-call]
                break
            above.append(_dispatch._pop_mode())
        for mode in reversed(above):
            _dispatch._push_mode(mode)

    def begin_operator(self, name: str) -> int:
        """See `watchers.OperatorWatcher`."""
        watcher = self._watchers.get(threading.get_ident())
        return -1 if watcher is None else watcher.begin(name, "cpu_op")

    def end_operator(self, place: int) -> None:
        """See `watchers.OperatorWatcher`."""
        self.end_range(place)

    def begin_range(self, name: str) -> int:
        """Opens a range of the profiler's own, such as ProfilerStep#3; returns its place."""
        watcher = self._watchers.get(threading.get_ident())
        return -1 if watcher is None else watcher.begin(name, "user_annotation")

    def end_range(self, place: int) -> None:
        """Closes it."""
        watcher = self._watchers.get(threading.get_ident())
        if watcher is not None and place in watcher.open:
            watcher.close(place)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        """A garbage collection takes no virtual time; it appears as a mark."""
        if phase == "stop" and self.wanted.gc_threshold == 0:
            self.events.append(HostEvent("gc", "python_gc", self.line_of_thread(), self.now()))

    def memory(self, index: int, address: int, nbytes: int, stream: int, *, taken: bool) -> None:
        """See `watchers.MemoryWatcher`."""
        allocator = runtime.memories[index]
        watcher = self._watchers.get(threading.get_ident())
        op = self.events[watcher.open[-1]].name if watcher is not None and watcher.open else ""
        self.memory_events.append(
            npusim.MemoryChange(
                device=index,
                address=address,
                nbytes=nbytes,
                stream=stream,
                taken=taken,
                time=self.now(),
                name=op,
                allocated=allocator.allocated,
                reserved=allocator.reserved,
                active=allocator.allocated,
            )
        )

    def mark(self, message: str, domain: str, stream: npusim.Stream | None) -> None:
        """See `watchers.RangeWatcher`."""
        if self.wanted.domain(domain):
            self.events.append(self._mstx_event(message, stream))

    def begin(self, number: int, message: str, domain: str, stream: npusim.Stream | None) -> None:
        """See `watchers.RangeWatcher`."""
        if self.wanted.domain(domain):
            event = self._ranges[number] = self._mstx_event(message, stream)
            self.events.append(event)

    def end(self, number: int) -> None:
        """See `watchers.RangeWatcher`."""
        event = self._ranges.pop(number, None)
        if event is None:
            return
        event.end = self.now()
        if event.stream is not None:
            sim = runtime.sim_device(event.device[0]).streams.get(event.stream)
            event.device[2] = max(event.device[1], sim.tail if sim is not None else event.end)

    def _mstx_event(self, message: str, stream: npusim.Stream | None) -> HostEvent:
        event = HostEvent(message, "mstx", self.line_of_thread(), self.now())
        if stream is not None:
            begin = max(stream.tail, self.now())
            event.stream, event.device = stream.id, [stream.device.index, begin, begin]
        return event


def _operands(args: Any) -> tuple[str, str]:
    """Shapes and types of the arguments of an operator, as the profiler's tables write them."""
    shapes, types = [], []
    for value in args:
        if isinstance(value, torch.Tensor):
            shapes.append(",".join(map(str, value.shape)))
            types.append(str(value.dtype).removeprefix("torch."))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], torch.Tensor):
            shapes.append("TensorList")
            types.append("TensorList")
        else:
            shapes.append("")
            types.append("Scalar" if isinstance(value, bool | int | float) else "")
    return ";".join(shapes), ";".join(types)


def _call_stack(frame: FrameType | None) -> str:
    """The program's frames, innermost first; the profiler's own and PyTorch's dispatch are left out."""
    lines: list[str] = []
    while frame is not None and len(lines) < _STACK_DEPTH:
        path = frame.f_code.co_filename
        if path != __file__ and not path.endswith(_NOT_SHOWN):
            lines.append(f"{path}({frame.f_lineno}): {frame.f_code.co_name}")
        frame = frame.f_back
    return ";\r\n".join(lines)
