"""The state of AscendCL in this process: whether it is initialised, and what stands behind its handles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import npusim

from acl._calls import AclError
from acl._handles import Handles
from acl._memory import space
from acl._queue import queue

if TYPE_CHECKING:
    from collections.abc import Callable

contexts: Handles[npusim.Context] = Handles("context", 107002)
streams: Handles[npusim.Stream] = Handles("stream", 107003)
events: Handles[npusim.Event] = Handles("event", 107000)


class State:
    """What `acl.init` and `acl.finalize` change."""

    initialised = False
    ever = False  # initialised once: the real one cannot be initialised again in the same process
    finalisers: list[Callable[[], None]] = []  # noqa: RUF012 - one process, one list


def init() -> None:
    """Begin.

    Raises:
        AclError: it was begun before and not ended (100002).
    """
    if State.initialised:
        raise AclError(100002, "acl.init was called before; call it once in a process")
    State.initialised = True


def finalize() -> None:
    """End: forget every handle, give all memory back.

    Raises:
        AclError: it was ended before (100037), or never begun (100001).
    """
    if not State.initialised:
        if State.ever:
            raise AclError(100037, "acl.finalize was called before; call it once, at the end")
        raise AclError(100001, "acl.finalize was called before acl.init")
    State.initialised, State.ever = False, True
    queue.clear()
    for finaliser in State.finalisers:
        finaliser()
    space.clear()
    for handles in (contexts, streams, events):
        handles.clear()


def stream_of(handle: int) -> npusim.Stream:
    """The stream behind a handle; 0 is the current context's default stream.

    Raises:
        npusim.NoContextError: this thread has no context (107002).
        AclError: no stream of this process (107003).
        npusim.WrongStreamError: a stream of another device (107003).
    """
    node = npusim.node()
    if handle == 0:
        return node.contexts.current().stream
    stream = streams.get(handle)
    node.contexts.check_stream(stream)
    return stream


def device() -> npusim.Device:
    """The current context's device.

    Raises:
        npusim.NoContextError: this thread has no context (107002).
    """
    return npusim.node().contexts.current().device


def on_board() -> bool:
    """Whether host and device share their memory, as on the Atlas 200 boards: run mode ACL_DEVICE."""
    return npusim.node().settings.chip.soc.startswith("Ascend310B")


def operand_view(address: int, size: int, what: str) -> memoryview:
    """Memory that the device works on; on a board, where host and device share it, the host's too.

    Raises:
        AclError, npusim.NpusimError: as `space.device_view` and `space.host_view`.
    """
    if on_board() and not space.is_device(address):
        return space.host_view(address, size, what)
    return space.device_view(address, size, what)
