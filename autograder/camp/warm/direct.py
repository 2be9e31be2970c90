"""A warm kernel without Jupyter's managers: asked for, heard of through one socket, and dropped.

Managers poll, wait and clean up in good order, which takes a grader longer than many a notebook.
"""

from __future__ import annotations

import json
import secrets
import select
import shutil
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, Self

from camp.warm import orders
from camp.warm.errors import WarmKernelError
from camp.warm.limits import Backend, Limits
from camp.warm.nursery import Brood, nursery

if TYPE_CHECKING:
    from pathlib import Path

_END_SECONDS = 10.0


class DirectKernel:
    """One kernel that the zygote has forked into its sandbox.

    Attributes:
        connection: what a connection file holds.
        ended_by: once it has ended, why if it is known: "memory", "cpu" or "".
        waited: seconds that it was ready to run and had no processor, as far as has been told.
    """

    def __init__(
        self,
        folder: Path,
        files: Path,
        environment: dict[str, str],
        limits: Limits | None = None,
        seed: int = 0,
    ) -> None:
        """Have it forked; it starts while its first message is on the way.

        Args:
            folder: an empty folder, for the sockets; its path is short.
            files: a folder whose files it finds copied into its home folder.
            environment: its variables.
            limits: its bounds; None takes the usual ones.
            seed: of random, NumPy and PyTorch.

        Raises:
            WarmKernelError: the zygote takes no orders.
            SandboxError: this machine has no sandbox for it.
        """
        home = nursery(Brood())
        self._backend = Backend(home.isolation.backend or Backend.NONE)
        self._room = folder / "room"
        self._room.mkdir(mode=0o711)
        self.connection = _connection(folder)
        self.ended_by = ""
        self.waited = 0.0
        self._ended = False
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sockets: list[socket.socket] = []
        try:
            sockets += orders.listeners(self.connection)
            order = orders.order(
                self._backend,
                limits or Limits(),
                self.connection,
                environment,
                files=str(files),
                folder=str(self._room),
                seed=seed,
            )
            home.fork(order, [theirs.fileno(), *(one.fileno() for one in sockets)])
        except BaseException:
            self._channel.close()
            raise
        finally:
            for one in (theirs, *sockets):
                one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """What becomes readable when there is news of it, such as its end."""
        return self._channel.fileno()

    def ended(self) -> bool:
        """Whether it has ended. Never waits.

        Raises:
            WarmKernelError: it was not even started.
        """
        while not self._ended and self._hear():
            pass
        return self._ended

    def close(self) -> None:
        """Drop it: with this socket, its keeper ends it and all that it started."""
        if self._backend is not Backend.NAMESPACES:  # what it still writes lies in a folder of this machine
            self._wait()
            shutil.rmtree(self._room, ignore_errors=True)
        self._channel.close()

    def _hear(self) -> bool:
        """Take in one message; False when there is none now."""
        try:
            data = self._channel.recv(orders.MESSAGE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        said: dict[str, Any] = json.loads(data) if data else {"exit": -signal.SIGKILL, "reason": ""}
        if "error" in said:
            raise WarmKernelError(f"the kernel could not be started in its sandbox: {said['error']}")
        if "waited" in said:
            self.waited = float(said["waited"])
        if "exit" in said:
            self._ended, self.ended_by = True, str(said["reason"])
        return True

    def _wait(self) -> None:
        """Have it ended, and wait until no process of it is left."""
        self._channel.settimeout(_END_SECONDS)
        deadline = time.monotonic() + _END_SECONDS
        try:
            self._channel.send(json.dumps({"signal": int(signal.SIGKILL)}).encode())
            while time.monotonic() < deadline and self._channel.recv(orders.MESSAGE_BYTES):
                pass
        except OSError:
            select.select([], [], [], 0)


def _connection(folder: Path) -> dict[str, Any]:
    ports = {f"{name}_port": number for number, name in enumerate(orders.CHANNELS, 1)}
    key = {"key": secrets.token_hex(), "signature_scheme": "hmac-sha256"}
    return {"transport": "ipc", "ip": str(folder / "k"), **key, **ports}
