"""A device: its chip, memory, streams and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from npusim.bandwidth import Bandwidth
from npusim.caching_allocator import CachingAllocator
from npusim.communication import communication_ns, has_hccs, hcom_name
from npusim.constants import reported_memory
from npusim.cores import Cores
from npusim.cost_model import copy_ns, cost, memory_ns
from npusim.device_memory import DeviceMemory
from npusim.exceptions import DeviceFaultError, InvalidArgumentError, WrongStreamError
from npusim.faults import stream_type
from npusim.media import media_units
from npusim.records import Detailed, Task
from npusim.stream import Event

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.machine import Node
    from npusim.op import Op, TensorSpec
    from npusim.stream import Stream

MAX_TASKS = 100_000
COPY_UNITS = {"H2D": "PCIE_H2D", "D2H": "PCIE_D2H", "D2D": "SDMA"}


class Device:
    """One NPU of the machine.

    Attributes:
        index: as the program counts, after ASCEND_RT_VISIBLE_DEVICES.
        physical: its number on the machine.
        chip: the chip table's row.
        hbm: the device's physical memory, which aclrtMalloc takes from.
        memory: the caching allocator on top of it, as PyTorch uses it.
        busy: nanoseconds of work given to the device so far, all streams together.
        default_stream: stream 0.
        streams: all streams that were created and not destroyed, by number.
        shared: whether a second stream exists, so that cores have to be shared.
    """

    __slots__ = (
        "_copies",
        "_last_stream",
        "_stream_type",
        "_tasks",
        "bandwidth",
        "busy",
        "chip",
        "cores",
        "default_stream",
        "hbm",
        "index",
        "memory",
        "node",
        "physical",
        "shared",
        "streams",
    )

    def __init__(self, node: Node, index: int, physical: int, chip: Chip) -> None:
        self.node = node
        self.index = index
        self.physical = physical
        self.chip = chip
        self.hbm = DeviceMemory(reported_memory(chip), index)
        self.hbm.changed = node.publish
        self.busy = 0
        self.memory = CachingAllocator(self.hbm)
        self.cores = Cores({"AI_CORE": chip.cubes, "AI_VECTOR_CORE": chip.vectors, **media_units(chip)})
        self.bandwidth = Bandwidth()
        self.shared = False
        self._tasks: dict[tuple[object, ...], Task] = {}
        self._copies: dict[tuple[str, int], Task] = {}
        self._last_stream = 0
        self._stream_type = stream_type(node.settings.faults)
        self.default_stream = self._stream_type(self, 0)
        self.streams = {0: self.default_stream}

    def create_stream(self, priority: int = 0) -> Stream:
        """A new stream beside the default one."""
        if not self.shared:
            self.shared = True
            self.cores.hold_all(self.default_stream.tail)
        self._last_stream += 1
        stream = self._stream_type(self, self._last_stream, priority)
        stream.tail = self.node.host.now
        self.streams[stream.id] = stream
        return stream

    def destroy_stream(self, stream: Stream) -> None:
        """Waits for what was given to a stream, and ends it.

        Raises:
            InvalidArgumentError: it is the default stream (107000).
            WrongStreamError: it is another device's, or was destroyed before (107003).
        """
        if stream is self.default_stream:
            raise InvalidArgumentError(
                "the default stream cannot be destroyed; destroy only streams that were created."
            )
        if self.streams.get(stream.id) is not stream:
            raise WrongStreamError(
                f"stream {stream.id} is not one of device {self.index}, or was destroyed before; "
                "destroy each once."
            )
        stream.synchronize()
        stream.alive = False
        del self.streams[stream.id]

    def create_event(self) -> Event:
        """A new event, not recorded yet."""
        return Event(self)

    def synchronize(self) -> None:
        """The host waits for every stream of the device.

        Raises:
            DeviceFaultError: an earlier task failed on the device.
        """
        faults = []
        for number in sorted(self.streams):
            try:
                self.streams[number].synchronize()
            except DeviceFaultError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def task(self, op: Op, stream: Stream) -> Task:
        """What launching this operator means.

        Duration, unit and cores, computed once for each distinct operator, which is compiled then where
        operators come without binaries.
        """
        key = op.key()
        task = self._tasks.get(key)
        if task is None:
            self.node.compiler.meet(op, stream)
            if len(self._tasks) >= MAX_TASKS:  # shapes that change all the time
                self._tasks.clear()
            task = self._tasks[key] = self._new_task(op, key)
        return task

    def place(self, task: Task, blocks: int, ready: int) -> tuple[int, int]:
        """Gives a task its cores and its share of the memory's bandwidth.

        Only called where a second stream may want them too.

        Args:
            task: what is to run.
            blocks: cores that it needs.
            ready: the earliest start, in nanoseconds.

        Returns:
            When it starts, and how long it takes.
        """
        start = self.cores.start(task.unit, blocks, ready)
        self.bandwidth.forget(self.node.host.now)
        end = self.bandwidth.place(start, task.duration, task.memory)
        self.cores.hold(task.unit, blocks, start, end)
        return start, end - start

    def copy_task(self, kind: str, nbytes: int) -> Task:
        """What a copy of that kind and size means.

        Raises:
            InvalidArgumentError: unknown kind.
        """
        task = self._copies.get((kind, nbytes))
        if task is None:
            unit = COPY_UNITS.get(kind)
            if unit is None:
                raise InvalidArgumentError(
                    f"a copy of kind {kind!r} was asked for; use {', '.join(COPY_UNITS)}."
                )
            duration = copy_ns(self.chip, kind, nbytes) if self.node.cost_model else 0
            memory = memory_ns(self.chip, kind, nbytes)
            task = Task(kind, "copy", unit, blocks=1, duration=duration, nbytes=nbytes, memory=memory)
            self._copies[kind, nbytes] = task
        return task

    def collective_task(self, kind: str, nbytes: int, ranks: int, servers: int, algorithm: str) -> Task:
        """What taking part in a collective means.

        Raises:
            InvalidArgumentError: unknown kind or algorithm, a negative size, or impossible ranks.
        """
        duration = communication_ns(self.chip, kind, nbytes, ranks, servers, algorithm)
        return Task(
            hcom_name(kind),
            "collective",
            "HCCS" if has_hccs(self.chip) else "PCIE",
            blocks=1,
            duration=duration if self.node.cost_model else 0,
            nbytes=nbytes,
            ranks=ranks,
            servers=servers,
        )

    def forget_costs(self) -> None:
        """Drops remembered durations, after the cost model was turned on or off."""
        self._tasks.clear()
        self._copies.clear()

    def _new_task(self, op: Op, key: tuple[object, ...]) -> Task:
        found = cost(self.chip, op)
        duration, unit, blocks, *_, memory = found
        # by position, which is what makes a shape that was never seen cheap; the key holds the operands
        inputs, outputs = cast("tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]", key[2:4])
        took = duration if self.node.cost_model else 0
        if op.attrs:
            fields = (op.name, op.kind, unit, blocks, took, inputs, outputs, 0, found, 0, 1, memory)
            return Detailed(op.attrs, *fields)
        return Task(op.name, op.kind, unit, blocks, took, inputs, outputs, 0, found, 0, 1, memory)
