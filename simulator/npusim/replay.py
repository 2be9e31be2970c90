"""Checks the list of events that a program left by running it again on a fresh machine, without the program.

A grader asks a program that it does not trust for its events. Here it computes what each of them costs, when
it must have begun, and what would have been had the program waited less or more: so a list in which times
were changed, or from which waiting was taken out, does not hold. `npusim.witness` collects the list.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import npusim.products  # noqa: F401 - all that the fingerprint covers
from npusim import witness
from npusim.constants import value
from npusim.execution import graph_tasks, run_graph
from npusim.graph import Node as GraphNode
from npusim.machine import Node
from npusim.media import media_batch, media_task
from npusim.op import Op, TensorSpec
from npusim.records import KINDS, Task
from npusim.settings import DEFAULT_SOC, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npusim.records import Record
    from npusim.stream import Event as Mark
    from npusim.stream import Stream

MAX_EVENTS = 20_000
NS_PER_MS = 1e6


class ReplayError(ValueError):
    """A list of events cannot have come from a program on this simulator; the text says what shows it."""


class Event(NamedTuple):
    """One thing that a program gave the device.

    Attributes:
        category: "kernel", "copy", "sync", "event_record", "event_wait", "collective" or "callback".
        name: the operator's type, the copy's direction, or the call.
        kind: the operator's kind.
        inputs: operands read.
        outputs: operands written.
        nbytes: bytes of a copy.
        device: the device's index.
        stream: the stream's number.
        launched: when the host called, in nanoseconds since the collection began.
        start: when it began.
        duration: how long it took.
        waits: whether the host stood still after it, as it does until what it reads has come.
        attrs: an operator's attributes, where its price depends on them.
        pixels: of each picture, for the media units.
        graph: the compiled graph that the operator is of, all of which one call runs.
        place: its place among the graph's operators.
    """

    category: str
    name: str
    kind: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    nbytes: int = 0
    device: int = 0
    stream: int = 0
    launched: int = 0
    start: int = 0
    duration: int = 0
    waits: bool = False
    attrs: dict[str, Any] | None = None
    pixels: tuple[int, ...] = ()
    graph: tuple[GraphNode, ...] = ()
    place: int = 0

    @property
    def end(self) -> int:
        """When it was done."""
        return self.start + self.duration


READ = Event("copy", "D2H", "copy", nbytes=4, waits=True)
"""The host reads one number and waits for it, as `Tensor.item` does."""


class Timed:
    """How a hidden check asks for device time; see `camp.checks.Ask.on_device`.

    Attributes:
        soc: the chip that the program must have run on.
        witness: what the kernel runs beside the probe. Its `begin()` waits for the device and collects from
            there on, its `end()` keeps what happened.
    """

    def __init__(self, soc: str = DEFAULT_SOC) -> None:
        self.soc = soc
        self.witness = Path(witness.__file__).read_text(encoding="utf-8")

    def read(self, data: Any) -> list[Event]:
        """The events between `begin()` and `end()`, once they have been found to hold.

        Raises:
            ReplayError: they do not, or the simulator there is not the one here.
        """
        if data.get("odd"):
            raise ReplayError(f"the device's own parts were replaced: {', '.join(map(str, data['odd']))}")
        if data["soc"] != self.soc:
            raise ReplayError(f"the chip was changed to {data['soc']!r}; leave it {self.soc}")
        if data["fingerprint"] != _own_fingerprint():
            raise ReplayError("the simulated device was changed")
        return _checked(_events(data), int(data["now"]), self.soc)

    def ms(self, events: Iterable[Event]) -> float:
        """How long the device would take for these events, in milliseconds: see `duration_ns`."""
        return duration_ns(events, self.soc) / NS_PER_MS


@cache
def _own_fingerprint() -> str:
    return witness.fingerprint()


def _events(data: Any) -> list[Event]:
    """The events as they were sent."""
    rows = data["rows"]
    if len(rows) > MAX_EVENTS:
        raise ReplayError(f"{len(rows):,} events; at most {MAX_EVENTS:,} are looked at")
    graphs = [tuple(_node(*row) for row in rows) for rows in data["graphs"]]
    tasks = [_task(graphs, *row) for row in data["tasks"]]
    events = []
    for category, number, *where_and_when in rows:
        if category not in KINDS:
            raise ReplayError(f"an event of the category {category!r}")
        device, stream, launched, start, duration = map(int, where_and_when)
        events.append(
            tasks[number]._replace(
                category=category,
                device=device,
                stream=stream,
                launched=launched,
                start=start,
                duration=duration,
            )
        )
    return events


def _task(  # noqa: PLR0913, PLR0917 - a row as it was sent
    graphs: list[tuple[GraphNode, ...]],
    name: str,
    kind: str,
    nbytes: int,
    inputs: list[Any],
    outputs: list[Any],
    origin: list[Any] | None,
) -> Event:
    """What events of one task have in common.

    Raises:
        ReplayError: a part of a graph is not what the graph has there.
    """
    found = Event("", name, kind, _specs(inputs), _specs(outputs), nbytes)
    if origin is None:
        return found
    sort, *rest = origin
    if sort == "attrs":
        attrs = {key: tuple(v) if isinstance(v, list) else v for key, v in rest[0].items()}
        return found._replace(attrs=attrs)
    if sort == "media":
        return found._replace(pixels=tuple(map(int, rest[0])))
    number, place = map(int, rest)
    graph = graphs[number]
    op = [node.op for node in graph if node.op.kind != "view"][place]
    if (op.name, op.kind, tuple(op.inputs), tuple(op.outputs)) != (name, kind, found.inputs, found.outputs):
        raise ReplayError(f"{name} is not what the graph has at place {place}")
    return found._replace(graph=graph, place=place)


def _node(  # noqa: PLR0913, PLR0917 - a row as it was sent
    name: str,
    kind: str,
    inputs: list[Any],
    outputs: list[Any],
    attrs: dict[str, Any],
    reads: list[str],
    writes: list[str],
    weights: list[str],
) -> GraphNode:
    return GraphNode(Op(name, kind, _specs(inputs), _specs(outputs), attrs or None), reads, writes, weights)


def _specs(operands: list[Any]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(tuple(shape), dtype, fmt) for shape, dtype, fmt in operands)


def _checked(events: list[Event], now: int, soc: str) -> list[Event]:
    """The events, with what the host waited for, once each can have happened then and took what it costs.

    Raises:
        ReplayError: one cannot.
    """
    again = _Again(soc)
    several = any(event.stream for event in events)
    found: list[Event] = []
    for number, event in enumerate(events):
        if not event.place:  # a graph is launched with its first operator
            if event.launched < again.now:
                raise ReplayError(
                    f"event {number} ({event.name}) was launched before the host was ready for it"
                )
            if found and event.launched > again.now:
                found[-1] = found[-1]._replace(waits=True)
            again.now = event.launched
        record = again.put(event)
        found.append(event)
        if record is None:
            continue
        early = event.start < record.start or event.duration < record.duration
        if early or (not several and (event.start, event.duration) != (record.start, record.duration)):
            raise ReplayError(
                f"event {number} ({event.name}) is said to have begun at {event.start} ns and to have taken "
                f"{event.duration} ns; it began at {record.start} and takes {record.duration}"
            )
    if now < again.now:
        raise ReplayError("the clock was turned back")
    if found and now > again.now:
        found[-1] = found[-1]._replace(waits=True)
    return found


def duration_ns(events: Iterable[Event], soc: str = DEFAULT_SOC) -> int:
    """How long the device would take for these events, from the first launch to the last end.

    The host launches one after the other as fast as it can, and waits where an event says so.
    """
    again = _Again(soc)
    last = 0
    for event in events:
        record = again.put(event)
        if record is not None:
            last = max(last, record.end)
            if event.waits:
                again.now = max(again.now, record.end)
    return last


class _Again:
    """A fresh machine that is given the events of another."""

    def __init__(self, soc: str) -> None:
        self._node = Node(Settings({"NPUSIM_SOC": soc, "NPUSIM_SHARE_STATE": "0"}))
        self._marks: dict[tuple[int, int], Mark] = {}
        self._graphs: dict[int, list[Task]] = {}  # by the id of what the events hold
        self._running: list[Record] = []

    @property
    def now(self) -> int:
        """The host's time."""
        return self._node.host.now

    @now.setter
    def now(self, ns: int) -> None:
        self._node.host.now = ns

    def put(self, event: Event) -> Record | None:
        """Give an event to the device; None for what takes no time on it."""
        stream = self._stream(event)
        if event.category == "kernel":
            return self._kernel(event, stream)
        if event.category == "copy":
            return stream.copy(event.name, event.nbytes, asynchronous=True)
        if event.category == "collective":  # how long the others took is theirs to say
            task = Task(event.name, "collective", "HCCS", blocks=1, duration=event.duration)
            return stream._enqueue("collective", task)  # noqa: SLF001 - the simulator's own
        if event.category == "sync":
            stream.synchronize()
        elif event.category == "event_record":
            mark = self._marks[event.device, event.start] = stream.device.create_event()
            mark.record(stream)
        elif event.category == "event_wait":
            waited = self._marks.get((event.device, event.end))
            if waited is not None:
                waited.wait(stream)
        elif event.category == "callback":
            self.now += int(value("host_launch_ns"))
        return None

    def _kernel(self, event: Event, stream: Stream) -> Record:
        if event.graph:
            return self._part(event, stream)
        if event.pixels:
            operation, pixels = event.name, event.pixels
            one = len(pixels) == 1
            return media_task(stream, operation, *pixels) if one else media_batch(stream, operation, pixels)
        return stream.launch(Op(event.name, event.kind, event.inputs, event.outputs, event.attrs))

    def _part(self, event: Event, stream: Stream) -> Record:
        """What one operator of a graph did; the first one runs them all."""
        if not event.place:
            tasks = self._graphs.get(id(event.graph))
            if tasks is None:
                tasks = self._graphs[id(event.graph)] = graph_tasks(stream.device.chip, event.graph)
            self._running = run_graph(stream, tasks)
        if event.place >= len(self._running) or self._running[event.place].stream != stream.id:
            raise ReplayError(f"{event.name} at place {event.place} of a graph of which no run has begun")
        return self._running[event.place]

    def _stream(self, event: Event) -> Stream:
        device = self._node.device(event.device)
        while event.stream not in device.streams:
            if len(device.streams) > event.stream:
                raise ReplayError(f"stream {event.stream} was used, which nobody created")
            device.create_stream()
        return device.streams[event.stream]
