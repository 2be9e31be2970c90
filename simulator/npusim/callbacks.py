"""Functions of the host that a stream calls when its earlier tasks are done.

Imitates AscendCL: a thread subscribes to a stream's callbacks (aclrtSubscribeReport) and processes them one
by one (aclrtProcessReport); a function given to a stream without a subscriber (aclrtLaunchHostFunc) runs
where the host next waits for the stream or asks for it. A function itself takes no virtual time.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from npusim.exceptions import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.clock import HostClock
    from npusim.stream import Stream

PATIENCE = 30.0  # seconds of the machine's clock that a wait for another thread's callback takes at most


class Call(NamedTuple):
    """A function in a stream's queue, and when the stream reaches it."""

    function: Callable[[], object]
    time: int
    stream: Stream


class Callbacks:
    """The callbacks of a machine: who processes which stream's, and what is still to be called.

    Args:
        host: the host's clock.
    """

    __slots__ = ("_changed", "_host", "_queues", "_threads", "_waiting")

    def __init__(self, host: HostClock) -> None:
        self._host = host
        self._threads: dict[int, tuple[int, Stream]] = {}  # id of a stream, which is kept, to its thread
        self._queues: dict[int, deque[Call]] = {}
        self._waiting: deque[Call] = deque()  # without a subscriber
        self._changed = threading.Condition()

    def subscribe(self, thread: int, stream: Stream) -> None:
        """Lets a thread process a stream's callbacks.

        Raises:
            CallbackError: another thread does (107011).
        """
        with self._changed:
            if id(stream) in self._threads:
                raise CallbackError(
                    f"stream {stream.id} already has a thread for its callbacks (error code 107011); "
                    "unsubscribe that one first.",
                    code=107011,
                )
            self._threads[id(stream)] = (thread, stream)
            self._queues.setdefault(thread, deque())

    def unsubscribe(self, thread: int, stream: Stream) -> None:
        """Ends that.

        Raises:
            CallbackError: the thread did not process this stream's callbacks (107012).
        """
        with self._changed:
            if self._threads.get(id(stream), (None,))[0] != thread:
                raise CallbackError(
                    f"thread {thread} does not process the callbacks of stream {stream.id} "
                    "(error code 107012); subscribe it first.",
                    code=107012,
                )
            del self._threads[id(stream)]
            if thread not in {number for number, _ in self._threads.values()}:
                self._waiting.extend(self._queues.pop(thread, ()))

    def subscribed(self, stream: Stream) -> bool:
        """Whether a thread processes the stream's callbacks."""
        return id(stream) in self._threads

    def add(self, call: Call) -> None:
        """Takes a function that a stream reaches at a time."""
        with self._changed:
            found = self._threads.get(id(call.stream))
            (self._waiting if found is None else self._queues[found[0]]).append(call)
            self._changed.notify_all()

    def process(self, timeout: float | None) -> None:
        """Calls the next function of this thread's streams, in this thread.

        Args:
            timeout: seconds of the machine's clock to wait for one; None: for ever.

        Raises:
            CallbackError: the thread subscribed to nothing (107012), or none came in time (507012).
        """
        thread = threading.get_ident()
        with self._changed:
            if thread not in self._queues:
                raise CallbackError(
                    f"thread {thread} processes no stream's callbacks (error code 107012); "
                    "subscribe it to a stream first.",
                    code=107012,
                )
            if not self._changed.wait_for(lambda: self._queues.get(thread), timeout):
                raise CallbackError(
                    "no callback came in time (error code 507012); process again, or wait longer.",
                    code=507012,
                )
            call = self._queues[thread][0]
        self._host.wait_until(call.time)
        try:
            call.function()
        finally:
            with self._changed:
                self._queues[thread].popleft()
                self._changed.notify_all()

    def reach(self, stream: Stream, time: int) -> None:
        """Called where the host waits for a stream up to a time: everything in it before has run then.

        Raises:
            CallbackError: the thread that processes the stream's callbacks does not (507046).
        """
        self._run_waiting(lambda call: call.stream is stream and call.time <= time)
        found = self._threads.get(id(stream))
        if found is None or found[0] == threading.get_ident():
            return
        with self._changed:
            queue = self._queues[found[0]]
            done = self._changed.wait_for(
                lambda: not any(call.stream is stream and call.time <= time for call in queue), PATIENCE
            )
        if not done:
            raise CallbackError(
                f"a callback of stream {stream.id} was not processed for {PATIENCE:g} s (error code 507046); "
                "let the subscribed thread process reports in a loop.",
                code=507046,
            )

    def pass_by(self) -> None:
        """Called where the host looks at the time: what was reached by now has run."""
        if self._waiting:
            now = self._host.now
            self._run_waiting(lambda call: call.time <= now)

    def _run_waiting(self, due: Callable[[Call], bool]) -> None:
        while True:
            with self._changed:
                call = min((c for c in self._waiting if due(c)), key=lambda c: c.time, default=None)
                if call is None:
                    return
                self._waiting.remove(call)
            call.function()
