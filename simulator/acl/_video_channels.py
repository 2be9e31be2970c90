"""Video channels: their settings, and how frames and callbacks go through a stream of their own.

A channel's callbacks run in the thread that it names, while that thread processes reports, as those of
`acl.rt.launch_callback` do.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from npusim.media import media_task

from acl import rt
from acl._calls import AclError, integer, plain, status
from acl._pictures import NV12, NV21, PARAM
from acl._queue import queue
from acl._state import device, streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim import Stream

    from acl._handles import Handles

UNSUPPORTED = 200006
CODECS = {0: "hevc", 1: "h264", 2: "h264", 3: "h264"}  # acldvppStreamFormat
PATIENCE = 10.0  # seconds that closing a channel waits for the thread that processes its callbacks
POLL = 0.01


@dataclass
class VideoChannel:
    """A channel's settings and what goes through it.

    Attributes:
        thread_id: which thread's `acl.rt.process_report` calls back.
        callback: what it calls.
        entype: 0 H.265 main, 1 to 3 H.264 baseline, main, high.
        fmt: of the pictures: 1 NV12, 2 NV21.
        codec: of the av package, while the channel is open.
        stream, handle: of the channel, while it is open.
        finished: frames that are done and were not called back.
        waiting: how many calls back were launched and have not run.
    """

    channel_id: int = 0
    thread_id: int = 0
    callback: Callable[..., Any] | None = None
    entype: int = 0
    fmt: int = NV12
    width: int = 0
    height: int = 0
    out_mode: int = 0
    ref_frame_num: int = 0
    bit_depth: int = 0
    key_frame_interval: int = 0
    max_bit_rate: int = 0
    rc_mode: int = 0
    src_rate: int = 0
    buf_addr: int = 0
    buf_size: int = 0
    codec: Any = None
    stream: Stream | None = None
    handle: int = 0
    finished: list[Callable[[], None]] = field(default_factory=list)
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, codec: Any) -> None:
        """Make the channel's stream and let its thread process what comes.

        Raises:
            AclError: thread or callback are missing, or it is open (100000); the thread's trouble (1070xx).
        """
        if self.stream is not None:
            raise AclError(PARAM, "the channel is open; create each once")
        if self.callback is None or not self.thread_id:
            raise AclError(PARAM, "the channel has no thread or no callback; set both first")
        self.stream = device().create_stream()  # the channel's own: its thread may have another context
        self.handle = streams.add(self.stream)
        ret = rt.subscribe_report(self.thread_id, self.handle)
        if ret:
            self._forget()
            raise AclError(ret, f"thread {self.thread_id} cannot process the channel's callbacks")
        self.codec = codec

    def need_stream(self) -> Stream:
        """The channel's stream.

        Raises:
            AclError: it is not open (100000).
        """
        if self.stream is None:
            raise AclError(PARAM, "the channel is not open; create it first")
        return self.stream

    def send(self, unit: str, pixels: int, work: Callable[[], None]) -> None:
        """Give a frame to the unit, and call back what is done after it."""
        stream = self.need_stream()
        if unit:
            media_task(stream, unit, pixels)
        queue.add(stream, work)
        with self.lock:
            self.waiting += 1
        ret = rt.launch_callback(self._call_back, stream, rt.CALLBACK_NO_BLOCK, self.handle)
        if ret:
            with self.lock:
                self.waiting -= 1
            raise AclError(ret, "the channel's callback cannot be launched")

    def _call_back(self, stream: Stream) -> None:
        """In the channel's thread: everything that is done."""
        queue.offer(stream, lambda: bool(self.finished))
        try:
            while self.finished:
                self.finished.pop(0)()
        finally:
            with self.lock:
                self.waiting -= 1

    def close(self, rest: Callable[[], None]) -> None:
        """Finish what was sent, call it back, end the stream.

        Args:
            rest: brings out what the codec still holds.

        Raises:
            AclError: it is not open (100000), or its thread processes nothing (507012).
        """
        stream = self.need_stream()
        self.send("", 0, rest)
        queue.drain(stream)
        end = time.monotonic() + PATIENCE
        mine = self.thread_id == threading.get_ident()
        alive = any(thread.ident == self.thread_id for thread in threading.enumerate())
        while self.waiting and alive and not mine and time.monotonic() < end:
            time.sleep(POLL)
        left, self.waiting = self.waiting, 0
        rt.unsubscribe_report(self.thread_id, self.handle)
        stream.device.destroy_stream(stream)
        self._forget()
        if left and not mine:
            raise AclError(
                507012, f"thread {self.thread_id} did not process {left} callback(s) of the channel"
            )

    def _forget(self) -> None:
        streams.remove(self.handle)
        self.stream, self.handle, self.codec = None, 0, None


def new_codec(name: str, mode: Literal["r", "w"]) -> Any:
    """A codec of the av package.

    Raises:
        AclError: the package is not installed, or lacks the codec (200006).
    """
    try:
        import av
    except ImportError:
        raise AclError(UNSUPPORTED, "video needs the package av; install it: pip install av") from None
    try:
        made: Any = av.CodecContext.create(name, mode)
    except (ValueError, av.error.FFmpegError):
        raise AclError(UNSUPPORTED, f"the package av has no codec {name}; install its wheel") from None
    made.thread_count = 1  # the same bytes on every machine
    return made


def setter(kind: Handles[Any], prefix: str, name: str, attribute: str) -> Callable[[int, int], int]:
    """A call that sets a number of a channel."""

    def change(channel_desc: int, value: int) -> None:
        setattr(kind.get(channel_desc), attribute, integer(name, value, least=0))

    change.__name__ = f"{prefix}_set_channel_desc_{name}"
    change.__doc__ = f"Set a channel's {name}: `ret`. Codes: 100000."
    return status(change)


def choice(
    kind: Handles[Any], prefix: str, name: str, attribute: str, known: dict[int, str]
) -> Callable[[int, int], int]:
    """A call that sets a channel to one of several numbers."""

    def change(channel_desc: int, value: int) -> None:
        found = kind.get(channel_desc)
        if integer(name, value) not in known:
            listed = ", ".join(f"{number} ({text})" for number, text in known.items())
            raise AclError(PARAM, f"{name} is {value}; give {listed}")
        setattr(found, attribute, value)

    change.__name__ = f"{prefix}_set_channel_desc_{name}"
    change.__doc__ = f"Choose a channel's {name}: `ret`. Codes: 100000 no channel, none of the known ones."
    return status(change)


def getter(kind: Handles[Any], prefix: str, name: str, attribute: str) -> Callable[[int], Any]:
    """A call that tells a number of a channel."""

    def tell(channel_desc: int) -> int:
        return int(getattr(kind.get(channel_desc), attribute))

    tell.__name__ = f"{prefix}_get_channel_desc_{name}"
    tell.__doc__ = f"A channel's {name}."
    return plain()(tell)


def callback_setter(kind: Handles[Any], prefix: str) -> Callable[[int, Callable[..., Any]], int]:
    """The call that sets a channel's callback."""

    def change(channel_desc: int, callback: Callable[..., Any]) -> None:
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        kind.get(channel_desc).callback = callback

    change.__name__ = f"{prefix}_set_channel_desc_callback"
    change.__doc__ = "Set what is called for each frame: `ret`. Codes: 100000."
    return status(change)


ENTYPES = {0: "H.265 main", 1: "H.264 baseline", 2: "H.264 main", 3: "H.264 high"}
FORMATS = {NV12: "NV12", NV21: "NV21"}
