"""Contexts: what a thread works with. One is current in each thread; each device has a default one.

Imitates the rules of AscendCL: `set_device` makes the device's default context current in the calling
thread, a created context becomes current where it is created, and a call without a current context fails
with 107002. `set_device` counts its calls for each device, `reset_device` counts back, and at zero the
default context ends with its streams (aclrtResetDevice of CANN 8). A stream belongs to the context it was
created in.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from npusim.exceptions import (
    ContextReleaseError,
    DeviceFaultError,
    InvalidArgumentError,
    NoContextError,
    WrongStreamError,
)

if TYPE_CHECKING:
    from npusim.device import Device
    from npusim.machine import Node
    from npusim.stream import Stream


class Context:
    """Where streams and memory belong.

    Attributes:
        id: its number, from 1.
        device: the device it works on.
        default: whether it is the device's default context.
        alive: whether it has not been destroyed.
        stream: its default stream.
    """

    __slots__ = ("alive", "default", "device", "id", "stream")

    def __init__(self, number: int, device: Device, stream: Stream, *, default: bool) -> None:
        self.id = number
        self.device = device
        self.stream = stream
        self.default = default
        self.alive = True


class Contexts:
    """The contexts of a machine, and which is current in each thread."""

    __slots__ = ("_current", "_defaults", "_last", "_live", "_node", "_uses")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._current = threading.local()
        self._defaults: dict[int, Context] = {}
        self._uses: dict[int, int] = {}
        self._live: list[Context] = []
        self._last = 0

    def set_device(self, index: int) -> Context:
        """Makes the device's default context current in this thread.

        Raises:
            InvalidDeviceError: no such device (107001).
        """
        context = self._defaults.get(index)
        if context is None or not context.alive:
            device = self._node.device(index)
            context = self._defaults[index] = self._make(device, device.default_stream, default=True)
        self._uses[index] = self._uses.get(index, 0) + 1
        self._current.context = context
        return context

    def create(self, index: int) -> Context:
        """A new context on a device, current in this thread, with a default stream of its own.

        Raises:
            InvalidDeviceError: no such device (107001).
        """
        device = self._node.device(index)
        context = self._make(device, device.create_stream(), default=False)
        self._current.context = context
        return context

    def set_current(self, context: Context) -> None:
        """Makes a context current in this thread.

        Raises:
            NoContextError: it was destroyed (107002).
        """
        if not context.alive:
            raise NoContextError(
                f"context {context.id} was destroyed (error code 107002); create another or call set_device."
            )
        self._current.context = context

    def current(self) -> Context:
        """This thread's context.

        Raises:
            NoContextError: it has none, or it was destroyed (107002).
        """
        context: Context | None = getattr(self._current, "context", None)
        if context is None or not context.alive:
            raise NoContextError(
                "this thread has no current context (error code 107002); call set_device or "
                "set_context in it first."
            )
        return context

    def destroy(self, context: Context) -> None:
        """Destroys a created context and all its streams.

        Raises:
            InvalidArgumentError: it is a device's default context, or was destroyed before (107000).
        """
        if context.default:
            raise InvalidArgumentError(
                f"context {context.id} is the default one of device {context.device.index}; reset the "
                "device instead."
            )
        if not context.alive:
            raise InvalidArgumentError(f"context {context.id} was destroyed before; destroy each only once.")
        self._end(context)

    def reset_device(self, index: int, *, force: bool = False) -> bool:
        """Takes back one `set_device`, or with `force` all of them; the last one ends the default context.

        That is so in every thread; the streams that were created in it end too.

        Returns:
            Whether the device has no context any more, so that its memory is the next program's.

        Raises:
            InvalidDeviceError: no such device (107001).
            ContextReleaseError: the device is not set (507007).
        """
        device = self._node.device(index)
        uses = self._uses.get(index, 0)
        if not uses:
            raise ContextReleaseError(
                f"device {index} was reset, and it is not set (error code 507007); call reset_device once "
                "for each set_device."
            )
        self._uses[index] = 0 if force else uses - 1
        if self._uses[index]:
            return False
        context = self._defaults.pop(index)
        self._end(context)
        return all(other.device is not device for other in self._live)

    def create_stream(self, priority: int = 0) -> Stream:
        """A stream of the current context.

        Raises:
            NoContextError: this thread has no context (107002).
        """
        context = self.current()
        stream = context.device.create_stream(priority)
        stream.context = context
        return stream

    def check_stream(self, stream: Stream) -> None:
        """Raises unless a stream is of the current context, or was made without one on its device.

        Raises:
            NoContextError: this thread has no context (107002).
            WrongStreamError: the stream is another context's (107003).
        """
        current = self.current()
        device = current.device
        if stream.device is device and stream.context is not None and stream.context is not current:
            raise WrongStreamError(
                f"a stream of context {stream.context.id} was used in context {current.id} "
                "(error code 107003); make the context current in which the stream was created."
            )
        if stream.device is not device:
            raise WrongStreamError(
                f"a stream of device {stream.device.index} was used in a context of device {device.index} "
                "(error code 107003); make a context of the stream's device current first."
            )

    def _make(self, device: Device, stream: Stream, *, default: bool) -> Context:
        self._last += 1
        context = stream.context = Context(self._last, device, stream, default=default)
        self._live.append(context)
        return context

    def _end(self, context: Context) -> None:
        context.alive = False
        self._live.remove(context)
        device = context.device
        for stream in list(device.streams.values()):
            if stream.context is context and stream is not device.default_stream:
                with suppress(DeviceFaultError):
                    device.destroy_stream(stream)
