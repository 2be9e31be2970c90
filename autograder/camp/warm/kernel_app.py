"""An IPython kernel that takes sockets already made instead of making them, and says little.

The grader makes the five sockets in a folder that the kernel never sees, and hands them over open.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import sys
import tempfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import zmq
from ipykernel import compiler
from ipykernel.control import ControlThread
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import IOPubThread, OutStream
from ipykernel.kernelapp import IPKernelApp
from ipykernel.shellchannel import ShellChannelThread
from traitlets.config import Config
from traitlets.config.loader import DeferredConfigString

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_client.connect import KernelConnectionInfo

AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
_MAX_STEPS = 40
_TRAIT = re.compile(r"--(\w+)\.(\w+)=(.*)", re.DOTALL)


class _Heartbeat(Heartbeat):
    """Beats on a socket that was handed over."""

    listener = -1

    def _try_bind_socket(self) -> Any:
        self.socket.setsockopt(zmq.USE_FD, self.listener)
        return super()._try_bind_socket()


class CappedStream(OutStream):
    """Standard output or error that keeps the first part of what a cell writes, and says that it cut."""

    max_characters = 1_000_000
    _cell: Any = None
    _written = 0
    _unsent = False

    def write(self, string: str) -> int:
        """Write what may still be written; the rest is dropped."""
        cell = self.parent_header.get("msg_id")
        if cell != self._cell:
            self._cell, self._written = cell, 0
        room = self.max_characters - self._written
        self._written += len(string)
        if room <= 0:
            return len(string)
        if len(string) > room:
            string = f"{string[:room]}\n... output cut here ...\n"
        self._unsent = True
        # Half a surrogate pair is no text: sending it would fail, and be reported for seconds.
        super().write(string if string.isascii() else string.encode("utf-8", "replace").decode())
        return len(string)

    def flush(self) -> None:
        """Have sent what was written; the kernel asks six times a cell, and each takes a trip to a thread."""
        if self._unsent:
            self._unsent = False
            super().flush()


class WarmKernelApp(IPKernelApp):
    """The kernel's application, without files, debugger and history."""

    listeners: Mapping[int, int] = {}
    apart = True
    seed: int | None = None
    outstream_class = "camp.warm.kernel_app.CappedStream"

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Take `--Class.trait=value`, the one form that Jupyter's tools use; a parser would take 50 ms."""
        config = Config({"HistoryManager": {"enabled": False}})
        for argument in argv or []:
            found = _TRAIT.fullmatch(argument)
            if found is not None:
                config[found[1]][found[2]] = DeferredConfigString(found[3])
        self.update_config(config)

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """Take no configuration of the machine: a kernel is the same everywhere."""

    def init_connection_file(self) -> None:
        """The connection came with the order to start; a file of it is for tools inside the kernel."""
        self.connection_file = str(Path(tempfile.gettempdir(), "kernel.json"))

    def log_connection_info(self) -> None:
        """Note the ports, as the base class does; nobody reads the log."""
        names = ("shell", "iopub", "stdin", "hb", "control")
        self._ports = {name: getattr(self, f"{name}_port") for name in names}

    def _try_bind_socket(self, s: Any, port: int) -> Any:
        s.setsockopt(zmq.USE_FD, self.listeners[port])
        return super()._try_bind_socket(s, port)

    def init_control(self, context: zmq.Context[Any]) -> None:
        """The control channel; the debugger's sockets lead nowhere."""
        self.control_socket = context.socket(zmq.ROUTER)
        self.control_socket.linger = 1000
        self.control_port = self._bind_socket(self.control_socket, self.control_port)
        self.control_socket.router_handover = 1
        self.debugpy_socket = context.socket(zmq.STREAM)
        self.debug_shell_socket = context.socket(zmq.DEALER)
        self.control_thread = ControlThread(daemon=True)
        self.shell_channel_thread = ShellChannelThread(context, daemon=True)

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """The output channel. Without a loopback network, what forked children print is lost."""
        self.iopub_socket = context.socket(zmq.XPUB)
        self.iopub_socket.linger = 1000
        self.iopub_port = self._bind_socket(self.iopub_socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = IOPubThread(self.iopub_socket, pipe=self.apart, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_shell(self) -> None:
        """The shell; where there are no terminals of its own, it starts programs without one."""
        super().init_shell()
        shell = self.shell
        if shell is None:
            return
        if self.seed is not None:
            self._seed_before_the_first_cell(shell, self.seed)
        if not self.apart:
            shell.system = shell.system_raw
        self.kernel._execute_sleep = 0  # noqa: SLF001 - a wait for output that its streams have sent already
        shell.transform_cell = self._transformed_once(shell.transform_cell)
        # IPython would keep a copy of all that is printed, for ever; the grader keeps what counts.
        shell._tee = lambda channel: contextlib.nullcontext()  # noqa: ARG005, SLF001
        find = shell._get_exc_info  # noqa: SLF001 - the one place that all tracebacks pass
        shell._get_exc_info = lambda *given, **named: _short(*find(*given, **named))  # noqa: SLF001

    def _transformed_once(self, transform: Callable[[str], str]) -> Callable[[str], str]:
        """Keep what the kernel transforms, to see whether a cell awaits, until IPython wants it to run it."""
        kept: dict[tuple[str, str], str] = {}

        def transformed(raw: str) -> str:
            key = (self.kernel.get_parent("shell").get("header", {}).get("msg_id", ""), raw)
            if key in kept:
                return kept.pop(key)
            kept.clear()
            return kept.setdefault(key, transform(raw))

        return transformed

    @staticmethod
    def _seed_before_the_first_cell(shell: Any, seed: int) -> None:
        """Seed as late as can be: what a kernel does while it starts draws numbers, too, some by chance."""

        def once(_info: object) -> None:
            shell.events.unregister("pre_run_cell", once)
            seed_all(seed)

        shell.events.register("pre_run_cell", once)

    def init_heartbeat(self) -> None:
        """The heartbeat, on its own socket."""
        self.heartbeat = _Heartbeat(zmq.Context(), (self.transport, self.ip, self.hb_port))
        self.heartbeat.listener = self.listeners[self.hb_port]
        self.heartbeat.start()


def _short(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Cut the middle out of a very long traceback.

    IPython looks through all modules for each line of it, so that an infinite recursion would take ten
    seconds to be reported where PyTorch is imported.
    """
    steps = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    kept = steps if len(steps) <= _MAX_STEPS else steps[: _MAX_STEPS // 2] + steps[-_MAX_STEPS // 2 :]
    for step in reversed(kept):
        trace = TracebackType(trace, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return kind, error, trace


def _checksum(text: str, seed: int) -> int:
    """A number that names a cell in tracebacks; the debugger's own takes longer than to compile the cell."""
    return zlib.crc32(text.encode(errors="replace"), seed & 0xFFFFFFFF)


def seed_all(seed: int) -> None:
    """Seed what forked kernels would otherwise share: the generators of random, NumPy and PyTorch."""
    random.seed(seed)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    if torch is not None:
        torch.manual_seed(seed)


def load_devices() -> None:
    """Let PyTorch load its device packages, as its import does, unless they are loaded already."""
    torch = sys.modules.get("torch")
    if torch is None or "torch_npu" in sys.modules or os.environ.get(AUTOLOAD, "1") != "1":
        return
    load = getattr(torch, "_import_device_backends", None)
    # A broken device package is reported by the learner's own import of it.
    with contextlib.suppress(RuntimeError):
        if load is not None:
            load()


def run(
    connection: KernelConnectionInfo,
    listeners: dict[int, int],
    arguments: list[str],
    *,
    apart: bool,
    seed: int | None = None,
) -> None:
    """Be the kernel until it is told to stop.

    Args:
        connection: what a connection file holds.
        listeners: for each port named there, the file descriptor of its listening socket.
        arguments: further arguments of the kernel's command line.
        apart: whether it has a network, which leads to itself, and terminals of its own.
        seed: seed of random, NumPy and PyTorch at the first cell; None leaves them as they are.
    """
    compiler.murmur2_x86 = _checksum
    app = WarmKernelApp.instance()
    app.listeners, app.apart, app.seed = listeners, apart, seed
    app.load_connection_info(connection)
    app.initialize(arguments)
    app.start()
