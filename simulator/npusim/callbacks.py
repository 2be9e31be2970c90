"""Functions of the host that a stream calls when its earlier tasks are done.

Imitates AscendCL: a thread subscribes to a stream's callbacks (aclrtSubscribeReport) and processes them one
by one (aclrtProcessReport); a function given to a stream without a subscriber (aclrtLaunchHostFunc) runs
where the host next waits for the stream or asks for it. A function itself takes no virtual time; a thread
that processes what it launched itself comes to it at its time.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from npusim.exceptions import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.clock import HostClock
    from npusim.stream import Stream

PATIENCE = 30.0  # seconds of the machine's clock that a wait for another thread's callback takes at most


class Call:
    """A function in a stream's queue.

    Attributes:
        function: what to call, without arguments.
        time: when the stream reaches it.
        stream: whose.
        blocks: whether the stream goes on only when the function has run.
        launcher: the thread that launched it.
        late: whether somebody waited for it in vain.
    """

    __slots__ = ("blocks", "function", "late", "launcher", "stream", "time")

    def __init__(
        self, function: Callable[[], object], time: int, stream: Stream, *, blocks: bool = True
    ) -> None:
        self.function = function
        self.time = time
        self.stream = stream
        self.blocks = blocks
        self.launcher = threading.get_ident()
        self.late = False


class Callbacks:
    """The callbacks of a machine: who processes which stream's, and what is still to be called.

    Args:
        host: the host's clock.
    """

    __slots__ = ("_changed", "_host", "_processed", "_queues", "_running", "_threads", "_waiting")

    def __init__(self, host: HostClock) -> None:
        self._host = host
        self._threads: dict[int, tuple[int, Stream]] = {}  # id of a stream, which is kept, to its thread
        self._queues: dict[int, deque[Call]] = {}
        self._processed: dict[int, int] = {}  # how many a thread has called
        self._running: list[Call] = []
        self._waiting: deque[Call] = deque()  # without a subscriber
        self._changed = threading.Condition()

    def clear(self) -> None:
        """Forgets who processes what, and what was not called."""
        with self._changed:
            for held in (self._threads, self._queues, self._processed, self._waiting):
                held.clear()
            self._changed.notify_all()

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

    def need_thread(self, stream: Stream) -> None:
        """Refuses a stream whose callbacks nobody processes.

        Raises:
            CallbackError: no thread subscribed to it (107015).
        """
        if not self.subscribed(stream):
            raise CallbackError(
                f"no thread processes the callbacks of stream {stream.id} (error code 107015); "
                "subscribe one to it first.",
                code=107015,
            )

    def streams_of(self, thread: int) -> list[Stream]:
        """The streams whose callbacks a thread processes."""
        with self._changed:
            return [stream for number, stream in self._threads.values() if number == thread]

    def progress(self, thread: int) -> tuple[int, int]:
        """How many callbacks a thread has called, and how many wait for it."""
        return self._processed.get(thread, 0), len(self._queues.get(thread, ()))

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
            call = self._take(thread)
        self._call(thread, call)

    def _take(self, thread: int) -> Call:
        call = self._queues[thread].popleft()
        self._running.append(call)
        return call

    def _call(self, thread: int, call: Call) -> None:
        if call.launcher == thread:  # the host's time knows nothing of other threads, which go on meanwhile
            self._host.wait_until(call.time)
        try:
            call.function()
        finally:
            with self._changed:
                self._running.remove(call)
                self._processed[thread] = self._processed.get(thread, 0) + 1
                self._changed.notify_all()

    def finish(self, call: Call) -> bool:
        """Waits until a callback was called, or calls it where its thread is this one.

        Returns:
            False where it was not called in time.
        """
        thread = self._threads.get(id(call.stream), (None,))[0]
        if thread is None:
            return True
        queue = self._queues[thread]
        if thread == threading.get_ident():  # a call that runs already may be the one that waits here
            while call in queue:
                with self._changed:
                    first = self._take(thread)
                self._call(thread, first)
            return True
        with self._changed:
            done = self._changed.wait_for(lambda: call not in queue and call not in self._running, PATIENCE)
        call.late = not done
        return done

    def reach(self, stream: Stream, time: int) -> None:
        """Called where the host waits for a stream up to a time: what it waits for in it has run then.

        Raises:
            CallbackError: the thread that processes the stream's callbacks does not (507046).
        """
        self._run_waiting(lambda call: call.stream is stream and call.time <= time)
        found = self._threads.get(id(stream))
        if found is None or found[0] == threading.get_ident():
            return
        with self._changed:
            calls = (*self._running, *self._queues[found[0]])
            due = [c for c in calls if c.stream is stream and c.blocks and c.time <= time]
        if any(call.late for call in due) or not all(self.finish(call) for call in due):
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
