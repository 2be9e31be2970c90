"""What was given to the device and is not done yet: the values' side of asynchronous calls.

Time is npusim's. Here is when values move: a copy or an execution that was only launched changes nothing
until the host waits for its stream, so a program that forgets to synchronise reads what was there before, as
on the device. Everything is done in the order of the calls; waiting for one stream may do other streams'
work too.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim import Stream


class _Work(NamedTuple):
    stream: Stream
    run: Callable[[], None]
    writes: tuple[int, memoryview] | None = None  # where to, and what; known before the work is done


class Queue:
    """Work in the order of the calls."""

    def __init__(self) -> None:
        self._work: deque[_Work] = deque()
        self._lock = threading.RLock()  # of who does the work
        self._adding = threading.Lock()  # of the list: giving work does not wait for work

    def add(
        self, stream: Stream, run: Callable[[], None], writes: tuple[int, memoryview] | None = None
    ) -> None:
        """Put work behind everything given so far; `run` must not raise.

        Args:
            stream: whose.
            run: does it.
            writes: of a copy: the address that it writes to, and the bytes, which stay as they are.
        """
        with self._adding:
            self._work.append(_Work(stream, run, writes))

    def coming(self, stream: Stream, address: int, size: int) -> bytes | None:
        """What a copy that is on this stream still will put at an address; None where there is none."""
        with self._adding:
            for work in reversed(self._work):
                if work.stream is stream and work.writes is not None:
                    start = address - work.writes[0]
                    if start >= 0 and start + size <= work.writes[1].nbytes:
                        return bytes(work.writes[1][start : start + size])
        return None

    def drain(self, stream: Stream | None = None) -> None:
        """Do everything up to the last work of a stream; without one, everything."""
        with self._lock:
            for _ in range(self._upto(stream)):
                if not self._work:  # work may itself wait for a stream
                    return
                self._work.popleft().run()

    def offer(self, stream: Stream, enough: Callable[[], bool]) -> None:
        """As `drain`, but only until `enough`, and not where another thread is at it.

        That one may be waiting for a callback of ours.
        """
        if self._lock.acquire(blocking=False):
            try:
                while not enough() and self._upto(stream):
                    self._work.popleft().run()
            finally:
                self._lock.release()

    def _upto(self, stream: Stream | None) -> int:
        """How many works there are up to the last one of a stream."""
        with self._adding:
            mine = [n for n, work in enumerate(self._work, 1) if stream is None or work.stream is stream]
        return mine[-1] if mine else 0

    def clear(self) -> None:
        """Forget what was not done."""
        with self._lock:
            self._work.clear()


queue = Queue()
