"""Streams and events: in-order queues on virtual time.

The host gives a task to a stream and goes on; the task starts when the stream's earlier tasks are done, the
events it waits for have happened and the cores it needs are free. Cores and the memory's bandwidth are given
to tasks in the order of the host's calls: operators of different streams run beside each other where cores
are free (the Cube cores of one and the Vector cores of the other, say), and share the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.callbacks import Call
from npusim.constants import value
from npusim.exceptions import DeviceFaultError, EventNotRecordedError, InvalidArgumentError, WrongStreamError
from npusim.plog import INFO
from npusim.records import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.contexts import Context
    from npusim.device import Device
    from npusim.op import Op
    from npusim.records import Record

_SYNC = Task("Synchronize", "sync", "HOST")
_EVENT_RECORD = Task("EVENT_RECORD", "event", "EVENT")
_EVENT_WAIT = Task("EVENT_WAIT", "event", "EVENT")
_CALLBACK = Task("CALLBACK", "callback", "HOST")


class Stream:
    """An in-order queue of a device. Made by `Device.create_stream`.

    Attributes:
        device: the device it belongs to.
        id: its number on the device; 0 is the default stream.
        priority: as asked for. Kept, without effect: cores are given in the order of the host's calls.
        tail: when its last task is done, in nanoseconds.
        alive: whether it has not been destroyed.
        context: the context that it was created in; None for one that needs only its device.
    """

    __slots__ = ("alive", "context", "device", "fault", "id", "launch_ns", "priority", "tail")

    def __init__(self, device: Device, number: int, priority: int = 0) -> None:
        self.device = device
        self.id = number
        self.priority = priority
        self.alive = True
        self.context: Context | None = None
        self.tail = 0
        self.fault: DeviceFaultError | None = None
        self.launch_ns = value("host_launch_ns")

    def launch(self, op: Op) -> Record:
        """Starts an operator; returns at once on the host's clock.

        Raises:
            WrongStreamError: the stream was destroyed.
        """
        if not self.alive:
            raise self._gone()
        device = self.device
        task = device.task(op, self)
        node = device.node
        host = node.host
        called = host.now
        if node.cost_model:
            host.now = called + self.launch_ns
        start, duration = max(self.tail, host.now), task.duration
        if device.shared:
            start, duration = device.place(task, task.blocks, start)
        end = start + duration
        self.tail = end
        device.busy += duration
        if node.launch_blocking:
            host.wait_until(end)
        if node.logs_launches:
            node.log.write(
                INFO, "RUNTIME", f"launch kernel_name={op.name} device={device.index} stream={self.id}"
            )
        return node.records.add("kernel", task, device.index, self.id, called, start, duration)

    def copy(self, kind: str, nbytes: int, *, asynchronous: bool) -> Record:
        """Moves bytes between host and device ("H2D", "D2H") or on the device ("D2D").

        A copy that is not asynchronous makes the host wait for it.

        Raises:
            InvalidArgumentError: unknown kind, or a negative size.
            WrongStreamError: the stream was destroyed.
        """
        if nbytes < 0:
            raise InvalidArgumentError(f"a copy of {nbytes} bytes was asked for; a size cannot be negative.")
        record = self._enqueue("copy", self.device.copy_task(kind, nbytes))
        if not asynchronous or self.device.node.launch_blocking:
            self.device.node.host.wait_until(self.tail)
        return record

    def communicate(
        self, kind: str, nbytes: int, ranks: int, servers: int = 1, algorithm: str = "auto"
    ) -> Record:
        """Takes part in a collective; returns at once on the host's clock.

        When the other ranks are there is the face's business: the time counts from when this stream is ready.

        Args:
            kind: "all_reduce", "all_gather", ...: see `npusim.communication_ns`.
            nbytes: bytes of the whole buffer (see there too).
            ranks: how many take part.
            servers: how many servers they are spread over.
            algorithm: within a server: "mesh", "ring", or "auto" for what the chip's links allow.

        Raises:
            InvalidArgumentError: unknown kind or algorithm, a negative size, or impossible ranks.
            WrongStreamError: the stream was destroyed.
        """
        record = self._enqueue(
            "collective", self.device.collective_task(kind, nbytes, ranks, servers, algorithm)
        )
        if self.device.node.launch_blocking:
            self.device.node.host.wait_until(self.tail)
        return record

    def submit(self, task: Task) -> Record:
        """Gives the stream a task that is no operator, such as a picture for the media units.

        Raises:
            WrongStreamError: the stream was destroyed.
        """
        return self._enqueue("kernel", task)

    def _enqueue(self, category: str, task: Task) -> Record:
        """Puts a task that needs one whole unit into the queue."""
        if not self.alive:
            raise self._gone()
        node = self.device.node
        host = node.host
        called = host.now
        if node.cost_model:
            host.now = called + self.launch_ns
        start, duration = self.device.place(task, 1, max(host.now, self.tail))
        self.tail = start + duration
        return node.records.add(category, task, self.device.index, self.id, called, start, duration)

    def launch_callback(self, function: Callable[[], object]) -> Record:
        """Has a function of the host called when the stream's earlier tasks are done.

        The thread that subscribed to the stream's callbacks calls it (`Node.callbacks`); without one, it is
        called where the host next waits for the stream, or asks for it later than that. The function itself
        takes no virtual time.

        Args:
            function: what to call, without arguments.

        Raises:
            WrongStreamError: the stream was destroyed.
        """
        call, record = self.callback(function)
        self.device.node.callbacks.add(call)
        return record

    def callback(self, function: Callable[[], object], *, blocks: bool = True) -> tuple[Call, Record]:
        """As `launch_callback`, for who hands it over himself: `Callbacks.add`.

        Args:
            function: what to call, without arguments.
            blocks: whether the stream goes on only when it has run.

        Raises:
            WrongStreamError: the stream was destroyed.
        """
        if not self.alive:
            raise self._gone()
        node = self.device.node
        called = node.host.now
        if node.cost_model:
            node.host.now = called + self.launch_ns
        time = max(self.tail, node.host.now)
        self.tail = time
        record = node.records.add("callback", _CALLBACK, self.device.index, self.id, called, time, 0)
        return Call(function, time, self, blocks=blocks), record

    def _gone(self) -> WrongStreamError:
        return WrongStreamError(
            f"stream {self.id} of device {self.device.index} was destroyed; create another before using it."
        )

    def wait_event(self, event: Event) -> None:
        """Lets later tasks of this stream start only when the event has happened."""
        event.wait(self)

    def query(self) -> bool:
        """Whether everything given to the stream is done. Asking takes host time, so a polling loop ends."""
        node = self.device.node
        node.spend("host_query_ns")
        node.callbacks.pass_by()
        return node.host.now >= self.tail

    def synchronize(self) -> None:
        """The host waits for everything given to the stream.

        Raises:
            DeviceFaultError: an earlier task of the stream failed on the device.
        """
        node = self.device.node
        called = node.host.now
        node.host.wait_until(self.tail)
        node.callbacks.reach(self, self.tail)
        node.records.add("sync", _SYNC, self.device.index, self.id, called, called, node.host.now - called)
        self.tell_fault()

    def fail(self, message: str, *, code: int, task: str, output: str = "") -> None:
        """Marks the last task as failed on the device.

        The next synchronise raises it. The first fault stays.

        Args:
            message: what happened.
            code: AscendCL's, for example 507015.
            task: the name of the operator that faulted.
            output: what the kernel printed before it stopped, such as an assertion.
        """
        if self.fault is None:
            text = f"{message} fault kernel_name={task}"
            self.fault = DeviceFaultError(text, code=code, task=task, output=output)

    def tell_fault(self) -> None:
        """Raises the fault of an earlier task, once. For whoever waited for the stream.

        Raises:
            DeviceFaultError: an earlier task of the stream failed on the device.
        """
        if self.fault is not None:
            fault, self.fault = self.fault, None
            try:
                raise fault
            finally:
                del fault  # else the error holds this call and every caller's variables


class Event:
    """A mark in a stream. Made by `Device.create_event`."""

    __slots__ = ("device", "stream", "time")

    def __init__(self, device: Device) -> None:
        self.device = device
        self.time: int | None = None
        self.stream: Stream | None = None

    def record(self, stream: Stream) -> None:
        """Puts the mark after everything given to the stream so far. A later record replaces it.

        Raises:
            WrongStreamError: the stream is another device's.
        """
        if stream.device is not self.device:
            raise WrongStreamError(
                f"an event of device {self.device.index} was recorded on a stream of device "
                f"{stream.device.index}; "
                "create the event on the stream's device."
            )
        node = self.device.node
        now = node.host.now
        self.time = max(stream.tail, now)
        self.stream = stream
        node.records.add("event_record", _EVENT_RECORD, self.device.index, stream.id, now, self.time, 0)

    def wait(self, stream: Stream) -> None:
        """Lets later tasks of a stream start only when the event has happened.

        An unrecorded event is over.
        """
        if self.time is None:
            return
        node = stream.device.node
        start = max(stream.tail, node.host.now)
        waited = max(0, self.time - start)
        stream.tail = max(stream.tail, self.time)
        node.records.add(
            "event_wait", _EVENT_WAIT, stream.device.index, stream.id, node.host.now, start, waited
        )

    def synchronize(self) -> None:
        """The host waits until the event has happened; an unrecorded event is over.

        Raises:
            DeviceFaultError: an earlier task of its stream failed on the device.
        """
        if self.time is None:
            return
        self.device.node.host.wait_until(self.time)
        if self.stream is not None:
            self.device.node.callbacks.reach(self.stream, self.time)
        if self.stream is not None:
            self.stream.tell_fault()

    def query(self) -> bool:
        """Whether the event has happened. Asking takes host time, so a polling loop ends."""
        self.device.node.spend("host_query_ns")
        self.device.node.callbacks.pass_by()
        return self.time is None or self.device.node.host.now >= self.time

    def elapsed_ns(self, end: Event) -> int:
        """Nanoseconds from this event to `end`.

        Raises:
            EventNotRecordedError: one of them was never recorded.
        """
        if self.time is None or end.time is None:
            raise EventNotRecordedError(
                "the time between two events was asked for before both were recorded; record them first."
            )
        return end.time - self.time
