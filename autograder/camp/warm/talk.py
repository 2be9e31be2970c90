"""The conversation with a kernel, in Jupyter's messages: one request at a time, news as soon as it comes."""

from __future__ import annotations

import hmac
import json
import math
import time
from typing import TYPE_CHECKING, Any, Protocol

import zmq
from jupyter_client.session import DELIM, Session

if TYPE_CHECKING:
    from collections.abc import Callable

_ASK_AGAIN_SECONDS = 0.05
_LOOK_AFTER_SECONDS = 0.5
_MESSAGES_WAITING = 100
_MOST_WAITING = 3.0
"""How many times over a bound on time may be stretched by waiting for a processor."""


class TalkTimeoutError(Exception):
    """The kernel has not answered in time."""


class KernelEndedError(Exception):
    """The kernel's process has ended."""


class Life(Protocol):
    """Knows whether the kernel still runs.

    Attributes:
        waited: seconds that it was ready to run and had no processor, as far as has been told.
    """

    waited: float

    def ended(self) -> bool:
        """Whether its process has ended."""
        ...

    def fileno(self) -> int:
        """What becomes readable when it ends; -1 if nothing does, and it has to be looked after."""
        ...


class Patience:
    """How long a kernel may still take.

    What it waits for a processor of a busy machine is not counted, up to a bound, so that the same bytes get
    the same verdict whatever else the machine does.

    Args:
        life: the kernel's.
        seconds: what it may take.
    """

    def __init__(self, life: Life, seconds: float) -> None:
        self._life, self._seconds = life, seconds
        self._waited, self._start = life.waited, time.monotonic()

    def left(self) -> float:
        """Seconds until it has taken too long."""
        waited = min(self._life.waited - self._waited, _MOST_WAITING * self._seconds)
        return self._start + self._seconds + waited - time.monotonic()


class Talk:
    """Speaks with one kernel.

    Args:
        connection: what its connection file holds.
        life: whether it still runs.
        output_bytes: size of one message from it; a larger one ends the connection.
    """

    def __init__(self, connection: dict[str, Any], life: Life, output_bytes: int) -> None:
        self._life = life
        self._session = Session(
            key=connection["key"].encode(), signature_scheme=connection["signature_scheme"]
        )
        self._context = zmq.Context()
        self._shell, self._iopub = self._context.socket(zmq.DEALER), self._context.socket(zmq.SUB)
        self._poller = zmq.Poller()
        self._iopub.subscribe(b"")
        for one, name in ((self._shell, "shell"), (self._iopub, "iopub")):
            one.linger = 0
            one.maxmsgsize = output_bytes
            one.rcvhwm = _MESSAGES_WAITING
            separator = ":" if connection["transport"] == "tcp" else "-"
            address = f"{connection['ip']}{separator}{connection[f'{name}_port']}"
            one.connect(f"{connection['transport']}://{address}")
            self._poller.register(one, zmq.POLLIN)
        if life.fileno() >= 0:
            self._poller.register(life.fileno(), zmq.POLLIN)

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the kernel answers on both channels.

        What it says before it knows of a listener is lost, so it is asked again until it is heard.

        Raises:
            TalkTimeoutError: it has not answered in time.
            KernelEndedError: it has ended instead.
        """
        patience = Patience(self._life, seconds)
        silent = {self._shell, self._iopub}
        while silent:
            self._session.send(self._shell, "kernel_info_request")
            again = Patience(self._life, _ASK_AGAIN_SECONDS)
            try:
                while silent:
                    for one in self._news(again):
                        one.recv_multipart()
                        silent.discard(one)
            except TalkTimeoutError:
                if patience.left() <= 0:
                    raise

    def execute(self, source: str, seconds: float, hear: Callable[[str, dict[str, Any]], None]) -> None:
        """Run a cell until the kernel has said that it is done.

        Args:
            source: the cell's text.
            seconds: how long that may take, without what it waits for a processor.
            hear: called with the type and the content of each message that the cell gives rise to.

        Raises:
            TalkTimeoutError: it took longer.
            KernelEndedError: the kernel ended meanwhile.
            ValueError: a message is not signed, or not one of Jupyter's.
        """
        patience = Patience(self._life, seconds)
        content = {"code": source, "silent": False, "store_history": False, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        request = self._session.msg("execute_request", content)
        asked = request["header"]["msg_id"]
        self._session.send(self._shell, request)
        waiting = {self._shell, self._iopub}
        while waiting:
            for one in self._news(patience):
                kind, content = self._answer(one, asked)
                done = one is self._shell or content.get("execution_state") == "idle"
                if kind and done:
                    waiting.discard(one)
                elif kind:
                    hear(kind, content)

    def _answer(self, one: zmq.Socket[bytes], asked: str) -> tuple[str, dict[str, Any]]:
        """Type and content of the next message, or "" where it is no answer to what was asked.

        Jupyter's own way to read a message also makes dates of its times, which takes longer than all else.
        """
        parts = one.recv_multipart()
        start = parts.index(DELIM) + 1
        signature, header, parent, metadata, content = parts[start : start + 5]
        if json.loads(parent).get("msg_id") != asked:
            return "", {}
        if not hmac.compare_digest(signature, self._session.sign([header, parent, metadata, content])):
            raise ValueError("a message is not signed by the kernel")
        return str(json.loads(header)["msg_type"]), json.loads(content)

    def close(self) -> None:
        """End the conversation, not the kernel."""
        for one in (self._shell, self._iopub):
            one.close()
        self._context.term()

    def _news(self, patience: Patience) -> list[zmq.Socket[bytes]]:
        """The sockets that have a message.

        Raises:
            TalkTimeoutError: none has one in time.
            KernelEndedError: the kernel has ended.
        """
        watched = self._life.fileno() >= 0
        while True:
            left = patience.left()
            if left <= 0:
                raise TalkTimeoutError
            wait = left if watched else min(left, _LOOK_AFTER_SECONDS)
            ready = dict(self._poller.poll(math.ceil(1000 * wait)))
            found = [one for one in (self._shell, self._iopub) if one in ready]
            if found:
                return found
            if (self._life.fileno() in ready or not watched) and self._life.ended():
                raise KernelEndedError
