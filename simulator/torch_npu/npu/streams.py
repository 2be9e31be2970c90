"""Streams and events on virtual time (torch_npu/npu/streams.py of Ascend/pytorch)."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any, Self

import torch

from torch_npu._sim import capturing, runtime
from torch_npu._sim.guard import PRIVATE_USE_1
from torch_npu.npu.device import Device, get_index
from torch_npu.utils._error_code import ErrCode, acl_failure, faults, pta_error

if TYPE_CHECKING:
    import npusim

# What a stream handle looks like on a server; only needs to differ from stream to stream.
_HANDLE = 0xAAAA_0000_0000
_NS_PER_MS = 1e6
_NS_PER_US = 1000


class _Entered(threading.local):
    """The contexts of streams that this thread entered with `with stream:`, the innermost last."""

    def __init__(self) -> None:
        self.stack: list[StreamContext] = []


_entered = _Entered()


def _existing(number: int, index: int, device_type: int) -> npusim.Stream:
    """The stream of that number on a device.

    Raises:
        RuntimeError: there is none.
    """
    if 0 <= index < runtime.device_count() and device_type == PRIVATE_USE_1:
        found = runtime.sim_device(index).streams.get(number)
        if found is not None:
            return found
    raise RuntimeError(
        f"There is no stream {number} of device {index} with device type {device_type}."
        + pta_error(ErrCode.PARAM)
    )


class Stream(torch.Stream):
    """A queue of work on a device, done in order and beside other streams.

    Args:
        device: which device; None or a number below 0 is the current one.
        priority: lower numbers come first.
    """

    sim: npusim.Stream

    def __new__(cls, device: Device = None, priority: int = 0, **kwargs: Any) -> Self:  # noqa: D102 - the class says it
        if "stream_id" in kwargs:
            index = kwargs["device_index"]
            sim = _existing(kwargs["stream_id"], index, kwargs.get("device_type", PRIVATE_USE_1))
        else:
            index = get_index(device, optional=True)
            index = runtime.current_device() if index < 0 else index
            runtime.check_index(index)
            sim = runtime.sim_device(index).create_stream(priority)
        stream = super().__new__(cls, stream_id=sim.id, device_index=index, device_type=PRIVATE_USE_1)
        stream.sim = sim
        return stream

    @property
    def npu_stream(self) -> int:
        """The stream's handle."""
        return _HANDLE | self.device_index << 16 | (self.stream_id + 1) << 4

    @property
    def priority(self) -> int:
        """Not told by the real device either.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "NPU dose not support Stream.get_priority() currently." + pta_error(ErrCode.NOT_SUPPORT)
        )

    @staticmethod
    def priority_range() -> tuple[int, int]:
        """Not told by the real device either (Stream.cpp).

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "NPU does not support Stream.priority_range() currently." + pta_error(ErrCode.NOT_SUPPORT)
        )

    def wait_event(self, event: Any) -> None:
        """Work given to this stream from now on starts after the event."""
        event.wait(self)

    def wait_stream(self, stream: Any) -> None:
        """Work given to this stream from now on starts after what the other one was given so far."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Any = None) -> Any:
        """Puts an event, a new one by default, after what the stream was given so far, and returns it."""
        if event is None:
            event = Event()
        event.record(self)
        return event

    def __enter__(self) -> Self:
        context = StreamContext(self)
        context.__enter__()
        _entered.stack.append(context)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _entered.stack.pop().__exit__(*exc_info)

    def is_capturing(self) -> bool:
        """Whether what is given to the stream goes into a graph."""
        return capturing.takes_part(self.sim)

    def query(self) -> bool:
        """Whether everything given to the stream is done."""
        return self.sim.query()

    def synchronize(self) -> None:
        """The host waits for everything given to the stream.

        Raises:
            RuntimeError: the stream is being captured (107027), or a launch failed on the device.
        """
        capturing.refuse_waiting(self.sim)
        with faults("AclrtSynchronizeStreamWithTimeout"):
            self.sim.synchronize()

    def set_data_preprocess_stream(self, is_data_preprocess_stream: bool = False) -> None:
        """Says that the stream prepares data; the simulated device works on it as on any other."""
        self.is_data_preprocess_stream = is_data_preprocess_stream

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.npu_stream)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.sim is other.sim

    def __hash__(self) -> int:
        return hash((self.npu_stream, self.device))

    def __repr__(self) -> str:
        return f"<torch_npu.npu.Stream device={self.device} npu_stream={self.npu_stream:#x}>"


class SyncLaunchStream(Stream):
    """A stream whose work the calling thread launches itself, past the queue between host and device.

    The simulator launches all work so: on this stream a program sees the same as on a `Stream`.

    Args:
        device: which device; None is the current one.
        priority: lower numbers come first.
    """

    def __repr__(self) -> str:
        return f"<torch_npu.npu.SyncLaunchStream device={self.device} npu_stream={self.npu_stream:#x}>"


class Event(torch.Event):
    """A mark in a stream: tells whether work is done, how long it took, and lets streams wait.

    Args:
        enable_timing: whether the event takes part in `elapsed_time`.
        blocking: accepted; waiting takes no processor time here anyway.
        interprocess: whether other processes may use it.
    """

    _sim: npusim.Event | None

    def __new__(  # noqa: D102 - the class says it
        cls,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
    ) -> Self:
        if interprocess:
            raise NotImplementedError(
                "events shared between processes are not simulated: create the event without interprocess."
            )
        event = super().__new__(cls, device="npu", enable_timing=enable_timing, blocking=blocking)
        event._sim = None
        event._timed = enable_timing
        return event

    _timed: bool

    def record(self, stream: Any = None) -> None:
        """Puts the mark after what a stream, the current one by default, was given so far.

        Raises:
            RuntimeError: the event was recorded on another device before.
        """
        stream = current_stream() if stream is None else stream
        if capturing.event("record", self, stream.sim):
            return
        device = stream.sim.device
        if self._sim is None:
            self._sim = device.create_event()
        if self._sim.device is not device:
            raise RuntimeError(
                f"Event device {self._sim.device.index} does not match recording stream's device "
                f"{device.index}." + pta_error(ErrCode.PARAM)
            )
        device.node.spend("host_query_ns")  # a call of the runtime, which takes the host's time
        self._sim.record(stream.sim)

    def wait(self, stream: Any = None) -> None:
        """Work given to a stream, the current one by default, starts after this event."""
        stream = current_stream() if stream is None else stream
        if not capturing.event("wait", self, stream.sim) and self._sim is not None:
            self._sim.wait(stream.sim)

    def query(self) -> bool:
        """Whether the work before the event is done."""
        return self._sim is None or self._sim.query()

    def synchronize(self) -> None:
        """The host waits for the work before the event.

        Raises:
            RuntimeError: a launch before it failed on the device.
        """
        if self._sim is not None:
            with faults("aclrtSynchronizeEvent(event_)"):
                self._sim.synchronize()

    def elapsed_time(self, end_event: Any) -> float:
        """Milliseconds of virtual time from this event to another one; the host waits for both.

        Raises:
            RuntimeError: one of them was not recorded, not created with enable_timing=True, or on another
                device.
        """
        if self._sim is None or end_event._sim is None:
            raise RuntimeError(
                "Both events must be recorded before calculating elapsed time." + pta_error(ErrCode.INTERNAL)
            )
        if not self._timed or not end_event._timed:
            raise RuntimeError(
                acl_failure(
                    "aclrtEventElapsedTime(&time_ms, event_, other.event_)",
                    107000,
                    "An event was created without enable_timing=True.",
                )
            )
        if self._sim.device is not end_event._sim.device:
            raise RuntimeError(
                acl_failure(
                    "aclrtEventElapsedTime(&time_ms, event_, other.event_)",
                    107000,
                    f"The events are of devices {self._sim.device.index} and {end_event._sim.device.index}.",
                )
            )
        self.synchronize()
        end_event.synchronize()
        return self._sim.elapsed_ns(end_event._sim) / _NS_PER_MS

    def recorded_time(self) -> int:
        """Microseconds of virtual time at which the event happened.

        Raises:
            RuntimeError: it was not recorded.
        """
        if self._sim is None or self._sim.time is None:
            raise RuntimeError(
                "Event must be recorded before getting recorded timestamp." + pta_error(ErrCode.INTERNAL)
            )
        self.synchronize()
        return self._sim.time // _NS_PER_US

    @property
    def npu_event(self) -> int:
        """The event's handle; 0 before it is first recorded."""
        return id(self._sim) if self._sim is not None else 0

    @property
    def device(self) -> torch.device | None:  # type: ignore[override]
        """The device on which it was recorded."""
        return None if self._sim is None else torch.device("npu", self._sim.device.index)

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.npu_event)

    def __repr__(self) -> str:
        if self._sim is None:
            return "<torch_npu.npu.Event uninitialized>"
        return f"<torch_npu.npu.Event {self.npu_event:#x}>"


class StreamContext:
    """Context manager that gives work to a stream; None does nothing.

    Args:
        stream_ctx: the stream.
    """

    def __init__(self, stream_ctx: Stream | None) -> None:
        self.stream = stream_ctx
        self._device = -1
        self._before: npusim.Stream | None = None

    def __enter__(self) -> None:
        if self.stream is not None:
            self._device = runtime.current_device()
            self._before = runtime.queues[self.stream.device_index]
            set_stream(self.stream)

    def __exit__(self, *_: object) -> None:
        if self.stream is not None and self._before is not None:
            runtime.use_stream(self.stream.device_index, self._before)
            runtime.set_device(self._device)


def stream(stream: Stream | None) -> StreamContext:
    """Context manager that gives work to a stream; None does nothing."""
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    """Gives work on the stream's device to that stream from now on, and makes the device current."""
    if stream is not None:
        runtime.set_device(stream.device_index)
        runtime.use_stream(stream.device_index, stream.sim)


def _wrap(sim: npusim.Stream) -> Stream:
    return Stream(stream_id=sim.id, device_index=sim.device.index, device_type=PRIVATE_USE_1)


def current_stream(device: Device = None) -> Stream:
    """The stream that gets the work on a device, the current one by default."""
    index = get_index(device, optional=True)
    runtime.check_index(index)
    return _wrap(runtime.queues[index])


def default_stream(device: Device = None) -> Stream:
    """The stream that a device, the current one by default, starts with."""
    index = get_index(device, optional=True)
    runtime.check_index(index)
    return _wrap(runtime.sim_device(index).default_stream)
