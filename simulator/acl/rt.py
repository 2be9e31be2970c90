"""`acl.rt`: devices, contexts, streams, events, memory, callbacks.

Imitates pyACL's `acl.rt` of CANN 8: names, argument order, return values and codes.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import npusim

from acl._calls import AclError, integer, status, values
from acl._memory import DEVICE, DVPP, space
from acl._queue import queue
from acl._state import State, contexts, device, events, on_board, operand_view, stream_of, streams

if TYPE_CHECKING:
    from collections.abc import Callable

HOST_TO_HOST, HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE = range(4)
ACL_DEVICE, ACL_HOST = 0, 1
DIRECTIONS = {HOST_TO_DEVICE: "H2D", DEVICE_TO_HOST: "D2H", DEVICE_TO_DEVICE: "D2D"}
CALLBACK_NO_BLOCK, CALLBACK_BLOCK = 0, 1


# devices


@status
def set_device(device_id: int) -> None:
    """Use a device in this thread: `ret`. Codes: 107001 no such device."""
    npusim.node().contexts.set_device(integer("device_id", device_id))


@status
def reset_device(device_id: int) -> None:
    """Take back one `set_device`: `ret`. Codes: 107001 no such device, 507007 it is not set.

    The last one ends the device's default context, the streams created in it, and, where no other context is
    left on the device, its memory.
    """
    _reset(device_id, force=False)


@status
def reset_device_force(device_id: int) -> None:
    """Take back every `set_device` at once: `ret`. Codes: as `reset_device`."""
    _reset(device_id, force=True)


def _reset(device_id: int, *, force: bool) -> None:
    queue.drain()
    closed = npusim.node().contexts.reset_device(integer("device_id", device_id), force=force)
    _forget_dead_streams()
    if closed:
        space.reclaim(device_id)


def _forget_dead_streams() -> None:
    for handle, stream in streams.items():
        if not stream.alive:
            streams.remove(handle)


@values(0)
def get_device() -> int:
    """The device of this thread's context: `(device_id, ret)`. Codes: 107002 no context."""
    return device().index


@values(0)
def get_device_count() -> int:
    """How many devices this process sees: `(count, ret)`."""
    return npusim.node().device_count


@values(0)
def get_run_mode() -> int:
    """Where this program runs: `(0, ret)` on the device itself (a board), `(1, ret)` on a host."""
    return ACL_DEVICE if on_board() else ACL_HOST


@status
def synchronize_device() -> None:
    """Wait for every stream of this thread's device: `ret`. Codes: 107002; 507xxx a fault on the device."""
    current = device()
    queue.drain()
    current.synchronize()


@status
def set_tsdevice(ts_id: int) -> None:
    """Choose the task scheduler, 0 AI Core or 1 Vector: `ret`. All chips here have one that serves both."""
    if integer("ts_id", ts_id) not in (0, 1):
        raise AclError(100000, f"ts_id is {ts_id}; give 0 (AI Core) or 1 (Vector Core)")


# contexts


@values(0)
def create_context(device_id: int) -> int:
    """A context on a device, current in this thread: `(context, ret)`. Codes: 107001."""
    return contexts.add(npusim.node().contexts.create(integer("device_id", device_id)))


@status
def destroy_context(context: int) -> None:
    """End a created context and its streams: `ret`. Codes: 107002 no live context, 107000 a default one."""
    found = contexts.get(context)
    queue.drain()
    npusim.node().contexts.destroy(found)
    contexts.remove(context)
    _forget_dead_streams()


@status
def set_context(context: int) -> None:
    """Make a context current in this thread: `ret`. Codes: 107002 no live context."""
    npusim.node().contexts.set_current(contexts.get(context))


@values(0)
def get_context() -> int:
    """This thread's context: `(context, ret)`. Codes: 107002 it has none."""
    current = npusim.node().contexts.current()
    return contexts.handle(current) or contexts.add(current)


# streams


@values(0)
def create_stream() -> int:
    """A stream of the current context's device: `(stream, ret)`. Codes: 107002."""
    return streams.add(npusim.node().contexts.create_stream())


@values(0)
def create_stream_with_config(priority: int, flag: int) -> int:
    """A stream with a priority (0 to 7) and flags: `(stream, ret)`. Codes: 107002, 107000."""
    if not 0 <= integer("priority", priority) <= 7:  # noqa: PLR2004 - the real bound
        raise AclError(107000, f"priority is {priority}; give 0 (highest) to 7")
    integer("flag", flag, least=0)
    return streams.add(npusim.node().contexts.create_stream(priority))


@status
def destroy_stream(stream: int) -> None:
    """Wait for a stream and end it: `ret`. Codes: 107003 no live stream of this device."""
    found = stream_of(stream) if stream else streams.get(stream)
    queue.drain(found)
    found.device.destroy_stream(found)
    streams.remove(stream)


@status
def synchronize_stream(stream: int) -> None:
    """Wait for a stream (0: the default one): `ret`. Codes: 107002, 107003; 507xxx a fault on the device."""
    found = stream_of(stream)
    queue.drain(found)
    found.synchronize()


@status
def synchronize_stream_with_timeout(stream: int, timeout: int) -> None:
    """As `synchronize_stream`; the simulated device is always done in time: `ret`."""
    if integer("timeout", timeout) < -1:
        raise AclError(107000, f"timeout is {timeout} ms; give -1 (for ever) or more")
    found = stream_of(stream)
    queue.drain(found)
    found.synchronize()


@values(0)
def stream_query(stream: int) -> int:
    """Whether a stream is done: `(status, ret)`, 0 complete, 0xFFFF not ready."""
    found = stream_of(stream)
    if not found.query():
        return 0xFFFF
    queue.drain(found)
    return 0


# events


@values(0)
def create_event() -> int:
    """An event: `(event, ret)`. Codes: 107002."""
    return events.add(device().create_event())


@values(0)
def create_event_with_flag(flag: int) -> int:
    """An event with flags: `(event, ret)`. Codes: 107002."""
    integer("flag", flag, least=0)
    return events.add(device().create_event())


@status
def destroy_event(event: int) -> None:
    """End an event: `ret`. Codes: 107000 no live event."""
    events.remove(event)


@status
def record_event(event: int, stream: int) -> None:
    """Mark a place in a stream: `ret`. Codes: 107000, 107002, 107003."""
    events.get(event).record(stream_of(stream))


@status
def reset_event(event: int, stream: int) -> None:
    """Let an event be recorded anew: `ret`. Codes: 107000, 107002, 107003."""
    stream_of(stream)
    events.get(event).time = None


@values(0)
def query_event(event: int) -> int:
    """Whether an event has happened: `(status, ret)`, 0 complete, 1 not ready. Codes: 107000."""
    found = events.get(event)
    if found.time is None:
        return 0
    node = npusim.node()
    node.spend("host_query_ns")
    return 0 if node.host.now >= found.time else 1


@values(0)
def query_event_status(event: int) -> int:
    """Whether an event has happened: `(status, ret)`, 1 complete, 0 not ready. Codes: 107000."""
    found = events.get(event)
    node = npusim.node()
    node.spend("host_query_ns")
    return 1 if found.time is None or node.host.now >= found.time else 0


@status
def synchronize_event(event: int) -> None:
    """Wait for an event: `ret`. Codes: 107000; 507xxx a fault on the device."""
    found = events.get(event)
    if found.stream is not None:
        queue.drain(found.stream)
    found.synchronize()


@values(0.0)
def event_elapsed_time(start: int, end: int) -> float:
    """Milliseconds of device time between two events: `(ms, ret)`. Codes: 107000, 107006 not recorded."""
    return events.get(start).elapsed_ns(events.get(end)) / 1e6


@status
def stream_wait_event(stream: int, event: int) -> None:
    """Let later work of a stream start only when an event has happened: `ret`."""
    stream_of(stream).wait_event(events.get(event))


# memory


@values(0)
def malloc(size: int, policy: int) -> int:
    """Device memory, aligned to 64 bytes at least: `(ptr, ret)`. Codes: 107000, 107002, 207001 none left.

    Args:
        size: bytes.
        policy: 0 huge pages first, 1 huge pages only, 2 normal pages only (and the P2P ones 3 to 5).
    """
    if integer("policy", policy) not in range(9):
        raise AclError(
            107000, f"policy is {policy}; give 0 (huge pages first), 1 (huge only) or 2 (normal only)"
        )
    return space.malloc(device(), integer("size", size))


@values(0)
def malloc_cached(size: int, policy: int) -> int:
    """Cached device memory: `(ptr, ret)`; see `malloc`."""
    integer("policy", policy, least=0)
    return space.malloc(device(), integer("size", size))


@status
def free(ptr: int) -> None:
    """Give device memory back: `ret`. Codes: 107000 no such allocation, freed before, host memory."""
    queue.drain()
    space.free(integer("ptr", ptr), kinds=(DEVICE, DVPP))  # public samples give both to it


@values(0)
def malloc_host(size: int) -> int:
    """Host memory: `(ptr, ret)`. Codes: 107000 size, 207001 none left."""
    return space.malloc_host(integer("size", size))


@status
def free_host(ptr: int) -> None:
    """Give host memory back: `ret`. Codes: 107000 no such allocation, freed before."""
    queue.drain()
    space.free_host(integer("ptr", ptr))


@values(0, 0)
def get_mem_info(attr: int) -> tuple[int, int]:
    """Free and all memory of the device in bytes: `(free, total, ret)`. Codes: 107002.

    Args:
        attr: which memory: 0 DDR, 1 HBM, 2 to 9 their huge and normal pages.
    """
    if integer("attr", attr) not in range(10):
        raise AclError(107000, f"attr is {attr}; give 0 (DDR) or 1 (HBM)")
    hbm = device().hbm
    return hbm.free_bytes, hbm.total


def _direction(kind: int) -> int:
    if integer("kind", kind) not in range(4):
        names = "0 host to host, 1 host to device, 2 device to host, 3 device to device"
        raise AclError(107000, f"kind is {kind}; give {names}")
    return kind


def _prepare(dst: int, dest_max: int, src: int, count: int, kind: int) -> tuple[memoryview, memoryview]:
    """Check a copy and find its two ends."""
    for name, value in (("dst", dst), ("dest_max", dest_max), ("src", src), ("count", count)):
        integer(name, value, least=None)
    if count <= 0 or dest_max < count:
        raise AclError(
            107000, f"{count} bytes are to be copied to a place of {dest_max} bytes; make it large enough"
        )
    if kind == DEVICE_TO_DEVICE:  # on a board, a program's own memory is the device's too
        return operand_view(dst, count, "dst"), operand_view(src, count, "src")
    to_device, from_device = kind == HOST_TO_DEVICE, kind == DEVICE_TO_HOST
    target = space.device_view(dst, count, "dst") if to_device else _host(dst, count, "dst")
    source = space.device_view(src, count, "src") if from_device else _host(src, count, "src")
    return target, source


def _host(address: int, count: int, what: str) -> memoryview:
    """Host memory; on a board, where both are one, the device's too."""
    if on_board() and space.is_device(address):
        return space.device_view(address, count, what)
    return space.host_view(address, count, what)


@status
def memcpy(dst: int, dest_max: int, src: int, count: int, kind: int) -> None:
    """Copy `count` bytes and wait for it: `ret`. Codes: 107000 pointer, size or kind, 107002 no context.

    Args:
        dst: where to.
        dest_max: bytes of room there.
        src: where from.
        count: bytes to copy.
        kind: 0 host to host, 1 host to device, 2 device to host, 3 device to device.
    """
    kind = _direction(kind)
    current = npusim.node().contexts.current()
    target, source = _prepare(dst, dest_max, src, count, kind)
    target[:] = bytes(source)
    if kind != HOST_TO_HOST:
        current.stream.copy(DIRECTIONS[kind], count, asynchronous=False)


@status
def memcpy_async(  # noqa: PLR0913, PLR0917 - as the real one
    dst: int, dest_max: int, src: int, count: int, kind: int, stream: int
) -> None:
    """Copy when the stream comes to it; wait for the stream before the result is used: `ret`."""
    kind = _direction(kind)
    found = stream_of(stream)
    if kind == HOST_TO_HOST:
        raise AclError(107000, "kind 0 (host to host) cannot be asynchronous; use acl.rt.memcpy")
    target, source = _prepare(dst, dest_max, src, count, kind)
    found.copy(DIRECTIONS[kind], count, asynchronous=True)

    def run() -> None:
        target[:] = bytes(source)

    queue.add(found, run, writes=(dst, source))


def _fill(ptr: int, max_count: int, value: int, count: int) -> Callable[[], None]:
    integer("count", count)
    integer("value", value)
    if count <= 0 or integer("max_count", max_count) < count:
        raise AclError(
            107000, f"{count} bytes are to be set in a place of {max_count} bytes; make it large enough"
        )
    on_device = space.is_device(integer("ptr", ptr))
    view = space.device_view(ptr, count, "ptr") if on_device else space.host_view(ptr, count, "ptr")

    def run() -> None:
        view[:] = bytes([value & 0xFF]) * count

    return run


@status
def memset(ptr: int, max_count: int, value: int, count: int) -> None:
    """Set `count` bytes to a value and wait: `ret`. Codes: 107000, 107002."""
    npusim.node().contexts.current()
    _fill(ptr, max_count, value, count)()


@status
def memset_async(ptr: int, max_count: int, value: int, count: int, stream: int) -> None:
    """Set bytes when the stream comes to it: `ret`. Codes: 107000, 107002, 107003."""
    found = stream_of(stream)
    queue.add(found, _fill(ptr, max_count, value, count))


@status
def mem_flush(ptr: int, size: int) -> None:
    """Write cached memory back: `ret`. Codes: 107000."""
    space.device_view(integer("ptr", ptr), integer("size", size), "ptr")


@status
def mem_invalidate(ptr: int, size: int) -> None:
    """Drop what is cached of memory: `ret`. Codes: 107000."""
    space.device_view(integer("ptr", ptr), integer("size", size), "ptr")


@values(0)
def device_can_access_peer(device_id: int, peer_device_id: int) -> int:
    """Whether two devices see each other's memory: `(1, ret)` where they are two. Codes: 107001."""
    node = npusim.node()
    first, second = node.device(integer("device_id", device_id)), node.device(integer("peer", peer_device_id))
    return int(first is not second)


@status
def device_enable_peer_access(peer_device_id: int, flags: int) -> None:
    """Let this context use another device's memory: `ret`. Codes: 107001, 107000."""
    if integer("flags", flags) != 0:
        raise AclError(107000, f"flags is {flags}; give 0")
    npusim.node().device(integer("peer_device_id", peer_device_id))


# callbacks


@status
def subscribe_report(thread_id: int, stream: int) -> None:
    """Let a thread process a stream's callbacks: `ret`. Codes: 107011 the stream has one already."""
    found = stream_of(stream)
    npusim.node().callbacks.subscribe(integer("thread_id", thread_id), found)


@status
def unsubscribe_report(thread_id: int, stream: int) -> None:
    """End `subscribe_report`: `ret`. Codes: 107012 the thread is not the stream's."""
    found = stream_of(stream)
    queue.drain(found)
    npusim.node().callbacks.unsubscribe(integer("thread_id", thread_id), found)


@status
def launch_callback(fn: Callable[[Any], Any], user_data: Any, block_type: int, stream: int) -> None:
    """Run a function of the host when the stream comes to it: `ret`. Codes: 107000, 107015 no thread.

    Args:
        fn: called with `user_data` in the thread that subscribed, while that processes reports.
        user_data: anything.
        block_type: 0 the stream goes on meanwhile, 1 it waits for the function; a wait for the stream then
            gives 507046 where the function is not processed for 30 s.
        stream: the stream.
    """
    found = stream_of(stream)
    if not callable(fn):
        raise AclError(107000, f"fn is {fn!r}; give a function")
    if integer("block_type", block_type) not in (CALLBACK_NO_BLOCK, CALLBACK_BLOCK):
        raise AclError(107000, f"block_type is {block_type}; give 0 (go on) or 1 (wait)")
    callbacks = npusim.node().callbacks
    callbacks.need_thread(found)
    call, _ = found.callback(lambda: fn(user_data), blocks=block_type == CALLBACK_BLOCK)

    def run() -> None:  # the values that the function may read are there
        callbacks.add(call)
        if call.blocks:
            callbacks.finish(call)

    queue.add(found, run)


@status
def process_report(timeout: int) -> None:
    """Run a callback of this thread's streams: `ret`. Codes: 107012 it has none, 507012 none came in time.

    Args:
        timeout: milliseconds to wait; -1 for ever.
    """
    me, callbacks = threading.get_ident(), npusim.node().callbacks
    until = None if integer("timeout", timeout) < 0 else time.monotonic() + timeout / 1000
    before, _ = callbacks.progress(me)
    while True:
        for stream in callbacks.streams_of(me):
            queue.offer(stream, lambda: callbacks.progress(me) > (before, 0))
        if callbacks.progress(me)[0] > before:  # the stream waited for it, so it was run on the way
            return
        left = POLL_SECONDS if until is None else min(POLL_SECONDS, until - time.monotonic())
        try:
            callbacks.process(max(left, 0))
        except npusim.CallbackError as error:
            if error.code != REPORT_TIMEOUT or (until is not None and time.monotonic() >= until):
                raise
        else:
            return


POLL_SECONDS = 0.05  # a stream comes to its callbacks where the host waits, or in this loop
REPORT_TIMEOUT = 507012


def _forget_callbacks() -> None:
    npusim.node().callbacks.clear()


State.finalisers.append(_forget_callbacks)


@values(0, 0, 0)
def get_version() -> tuple[int, int, int]:
    """The version of AscendCL: `(major, minor, patch, ret)`."""
    return 1, 14, 0
