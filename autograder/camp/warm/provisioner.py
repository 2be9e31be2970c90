"""A kernel provisioner for Jupyter: kernels are forked from a zygote, into a sandbox.

Any tool that starts kernels through jupyter_client can use it, by its name `camp-warm`: in a kernelspec's
`metadata.kernel_provisioner.provisioner_name`, or in the variable JUPYTER_DEFAULT_PROVISIONER_NAME.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import CaselessStrEnum, Dict, Integer, List, Unicode

from camp.scratch import scratch_folder
from camp.warm import orders
from camp.warm.errors import WarmKernelError
from camp.warm.limits import Backend, Limits
from camp.warm.nursery import PRELOAD, Brood, chosen, nursery

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

_log = logging.getLogger(__name__)

END_SECONDS = 10.0


class ZygoteProvisioner(KernelProvisionerBase):
    """Launches kernels by fork, in about a tenth of a second, and keeps them in a sandbox.

    Attributes:
        ended_by: once the kernel has ended, why if it is known: "memory", "cpu", "ended" (by us) or "".
    """

    limits = Dict(help="Bounds of each kernel; see camp.warm.Limits for the names.").tag(config=True)
    backend = CaselessStrEnum(
        [str(b) for b in Backend], None, allow_none=True, help="The sandbox; default: the best there is."
    ).tag(config=True)
    preload = List(Unicode(), list(PRELOAD), help="Modules imported before kernels are forked.").tag(
        config=True
    )
    seed = Integer(0, allow_none=True, help="Seed of random, NumPy and PyTorch in every kernel.").tag(
        config=True
    )

    ended_by = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._channel: socket.socket | None = None
        self._code: int | None = None
        self._arguments: list[str] = []
        self._stack = contextlib.ExitStack()
        self._folder = ""
        self._home = ""
        self._last: dict[str, Any] = {}
        self.pid = 0

    @property
    def has_process(self) -> bool:
        """Whether a kernel was launched and has not been waited for."""
        return self._channel is not None

    async def poll(self) -> int | None:
        """The exit code, or None while the kernel runs."""
        while self._channel is not None and self._code is None and self._hear():
            pass
        return self._code if self._channel is not None else 0

    async def wait(self) -> int | None:
        """Wait until the kernel and everything it started have ended; return the exit code."""
        while await self._heard(None if self._code is None else END_SECONDS):
            pass
        code = 0 if self._code is None else self._code
        self._close()
        return code

    async def died(self) -> None:
        """Return as soon as the kernel has ended. Unlike `wait`, it changes nothing."""
        while self._channel is not None and self._code is None:
            await self._heard(None)

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and the processes of its group."""
        if self._channel is not None and self._code is None:
            with contextlib.suppress(OSError):
                self._channel.send(json.dumps({"signal": int(signum)}).encode())

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the interface's
        """End the kernel and everything it started, now."""
        await self.send_signal(signal.SIGKILL)
        # Awaited here, where news wakes us; the manager would look only every 0.1 s.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.died(), END_SECONDS)

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the interface's
        """Ask the kernel to end."""
        await self.send_signal(signal.SIGTERM)

    async def shutdown_requested(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """End it at once: a kernel in a sandbox has nothing to save."""
        await self.kill(restart=restart)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the sockets, which are files in a folder that the kernel never sees."""
        kwargs.pop("transport_encryption", None)  # nothing leaves this machine
        extra = kwargs.pop("extra_arguments", [])
        manager = self.parent
        if manager is None:
            raise WarmKernelError("the camp-warm provisioner must be used through a kernel manager")
        if not self._folder:
            self._folder = str(self._stack.enter_context(scratch_folder(orders.LONGEST_FOLDER)))
            if manager.transport != "ipc" or not _fits(manager.ip):
                manager.transport, manager.ip = "ipc", str(Path(self._folder, "k"))
                manager.cleanup_random_ports()
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        self._arguments = [*_further(self.kernel_spec.argv), *extra]
        return await super().pre_launch(cmd=manager.format_kernel_cmd(extra_arguments=extra), **kwargs)

    async def launch_kernel(
        self,
        cmd: list[str],  # noqa: ARG002 - the interface's; what matters of it was noted in pre_launch
        **kwargs: Any,
    ) -> KernelConnectionInfo:
        """Fork the kernel; return once it is in its sandbox.

        Raises:
            WarmKernelError: the kernel could not be started.
            SandboxError: this machine has no sandbox for it.
        """
        self._code, self.ended_by = None, ""
        home = nursery(self._brood())
        backend = Backend(home.isolation.backend or Backend.NONE)
        if backend is Backend.NONE:
            # Not through Jupyter's own logger, which an application may have silenced.
            _log.warning(
                "This kernel runs WITHOUT A SANDBOX, as asked for: its code can do what you can do here."
            )
        listeners: list[socket.socket] = []
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            listeners += orders.listeners({**self.connection_info})
            files = [theirs.fileno(), *(one.fileno() for one in listeners)]
            home.fork(self._order(backend, kwargs), files)
        finally:
            for one in (theirs, *listeners):
                one.close()
        await self._started()
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - the interface's
        """Remove the sockets and the private folder; end what still runs."""
        if self._channel is not None:
            await self.kill()
            await self.wait()
        if self._home:
            shutil.rmtree(self._home, onerror=_open_up)
            self._home = ""
        if self._folder and not restart:
            self._stack.close()
            self._folder = ""

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Seconds that ending a kernel may take; it is a matter of milliseconds."""
        return min(recommended, END_SECONDS)

    def _brood(self) -> Brood:
        """The zygote's settings. The kernelspec's interpreter counts, where it names another one by path."""
        named = self.kernel_spec.argv[0] if self.kernel_spec.argv else ""
        python = named if Path(named).is_absolute() else sys.executable
        backend = Backend(self.backend) if self.backend else chosen()
        if not os.access(python, os.X_OK):
            raise WarmKernelError(f"{python}, the interpreter that the kernelspec names, cannot be run")
        return Brood(tuple(self.preload), backend, python)

    def _order(self, backend: Backend, kwargs: dict[str, Any]) -> dict[str, Any]:
        if backend is not Backend.NAMESPACES:
            self._home = tempfile.mkdtemp(prefix="home-", dir=self._folder)
        cwd = kwargs.get("cwd")
        return orders.order(
            backend,
            Limits.from_data(self.limits),
            {**self.connection_info},
            kwargs["env"],
            files=str(Path(cwd).absolute()) if cwd else None,
            folder=self._home,
            seed=self.seed,
            arguments=self._arguments,
        )

    async def _started(self) -> None:
        """Wait for the first words of the keeper, and of the zygote, which names it."""
        self._last, self.pid = {}, 0
        while not self._last.keys() >= {"started", "keeper"} and "error" not in self._last:
            if not await self._heard(orders.START_SECONDS):
                break
        else:
            if "error" not in self._last:
                self.pid = int(self._last["keeper"])
                return
        reason = self._last.get("error", "no answer from its process")
        self._close()
        raise WarmKernelError(f"the kernel could not be started in its sandbox: {reason}")

    async def _heard(self, seconds: float | None) -> bool:
        """Wait for a message and note it; False when there will be no more."""
        if self._channel is None:
            return False
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        number = os.dup(self._channel.fileno())  # several may wait for the same socket
        loop.add_reader(number, _resolve, readable)
        try:
            await asyncio.wait_for(readable, seconds)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(number)
            os.close(number)
        return self._hear()

    def _hear(self) -> bool:
        """Note one message if there is one; False when there is none, or will be no more."""
        if self._channel is None:
            return False
        try:
            data = self._channel.recv(orders.MESSAGE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._code = -signal.SIGKILL if self._code is None else self._code
            return False
        self._last |= json.loads(data)
        if "exit" in self._last:
            self._code, self.ended_by = int(self._last["exit"]), str(self._last["reason"])
        return True

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _fits(address: str) -> bool:
    """Whether sockets can have names that begin so."""
    return Path(address).is_absolute() and len(address) <= orders.LONGEST_FOLDER


def _further(argv: list[str]) -> list[str]:
    """Arguments of a kernelspec's command besides the interpreter, the module and the connection file."""
    if "-f" not in argv:
        return []
    return [a for a in argv[argv.index("-f") + 2 :] if "{" not in a]


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _open_up(remove: Any, path: str, _error: object) -> None:
    """Remove what a learner's code made unremovable."""
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        Path(path).chmod(0o700)
        remove(path)
