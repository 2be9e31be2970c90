"""The process that warm kernels are forked from: it imports what they need once, and does nothing else.

Started by the grader as `python -m camp.warm.zygote FD JSON`, where FD is a socket that it takes orders on
and ends with. It has one thread: with more, its children may inherit locks that nobody opens again.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camp.warm import confine, linux, places, selfcheck
from camp.warm.limits import Backend, Isolation, Limits
from camp.warm.nursery import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER_BYTES = 1 << 18
LISTENERS = 5
_CHOICE = (Backend.NAMESPACES, Backend.LANDLOCK)
# The kernel, and what it would otherwise import on its way to the first cell.
_KERNEL = ("camp.warm.kernel_app", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger")
_KERNEL_LATER = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "faulthandler",
    "jupyter_client.asynchronous",
    "mimetypes",
    "pdb",
    "pydoc",
    "tornado.locks",
    "tornado.platform.asyncio",
    "tornado.queues",
    "unicodedata",
    "encodings.ascii",
    "IPython.core.logger",
)
_TRIAL_SECONDS = 20.0
_AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
_DEVICE = "torch_npu"


def main() -> None:
    """Try the back ends, import, then fork kernels until the grader's socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    # The folder that `-m` was started in is not a place for a learner's code to import from.
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}]
    os.chdir("/")
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    asked = settings["backend"]
    isolation = probe(_CHOICE if asked is None else (Backend(asked),))
    _say(control, {"backend": isolation.backend, "refused": isolation.refused})
    if settings["preload"] is not None:
        fault = _preload(settings["preload"])
        _say(control, {"error": fault})
        if not fault:
            _Zygote(control).serve()


def _preload(names: Sequence[str]) -> str:
    """Import modules; what cannot be imported the learner's code will be told by Python itself."""
    gc.disable()  # it would look again and again through all that was imported, and find nothing
    os.environ[_AUTOLOAD] = "0"  # no device package but those named; see kernel_app.load_devices
    sys.modules["debugpy"] = None  # type: ignore[assignment] # nobody debugs here, and it takes 0.1 s
    for name in (*_KERNEL, *_KERNEL_LATER, *names):
        if name == _DEVICE and not places.simulated(name):
            continue  # a real one starts threads and may touch its device; its children load it themselves
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a package that is broken for now may raise anything
            if name in _KERNEL:
                return f"{name} cannot be imported: {error}"
        if _threads() > 1:
            return f"importing {name} started {_threads() - 1} threads, which forked kernels would hang on"
    del sys.modules["debugpy"], os.environ[_AUTOLOAD]
    if _device_in_use():
        return f"importing {_DEVICE} initialised a device, which forked kernels could not use"
    gc.enable()
    gc.freeze()  # or the collector would touch, and so copy, every page in every child
    return ""


def _threads() -> int:
    """How many threads this process has."""
    return sum(1 for _ in os.scandir("/proc/self/task"))


def _device_in_use() -> bool:
    npu = getattr(sys.modules.get("torch"), "npu", None)
    return npu is not None and bool(npu.is_initialized())


def probe(choice: Sequence[Backend]) -> Isolation:
    """Try back ends in turn with a harmless process, and take the first that holds."""
    refused: list[tuple[Backend, str]] = []
    for backend in choice:
        if backend is Backend.NONE:
            return Isolation(backend, tuple(refused))
        reason = _try(backend)
        if not reason:
            return Isolation(backend, tuple(refused))
        refused.append((backend, reason))
    return Isolation(None, tuple(refused))


def _try(backend: Backend) -> str:
    """Why a back end does not hold on this machine; empty when it does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    heard, told = os.pipe()
    with (
        ours,
        socket.create_server(("127.0.0.1", 0)) as listener,
        tempfile.NamedTemporaryFile() as hidden,
        tempfile.TemporaryDirectory(prefix="camp-") as folder,
    ):
        Path(hidden.name).chmod(0o666)  # so that the sandbox alone can hide it
        port, outsider = listener.getsockname()[1], os.getpid()
        cell = confine.Cell(
            backend, selfcheck.PROBE_LIMITS, places.python_folders(), None, folder, theirs.detach(), [told]
        )
        keeper = confine.start(cell, lambda: _report(told, selfcheck.faults(hidden.name, port, outsider)))
        os.close(cell.channel)
        os.close(told)
        found = _hear(heard, ours)
        if keeper:
            with contextlib.suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGKILL)
            os.waitpid(keeper, 0)
        return found


def _report(told: int, found: list[str]) -> None:
    os.write(told, json.dumps(found).encode())


def _hear(heard: int, channel: socket.socket) -> str:
    """The trial's answer in words."""
    with os.fdopen(heard, "rb") as answers:
        ready, _, _ = select.select([answers], [], [], _TRIAL_SECONDS)
        data = os.read(answers.fileno(), ORDER_BYTES) if ready else b""
    if data:
        return "; ".join(json.loads(data))
    channel.settimeout(1)
    while True:
        try:
            message = channel.recv(ORDER_BYTES)
        except OSError:
            message = b""
        if not message:
            return "the trial ended without an answer"
        content = json.loads(message)
        if "error" in content:
            return str(content["error"])


class _Zygote:
    """Takes orders one at a time and reaps what has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._readable = places.python_folders()
        self._kept: dict[int, int] = {}
        self._count = 0

    def serve(self) -> None:
        """Work until the grader is gone. The keepers see by themselves that it is."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self._control.fileno(), woken], [], [])
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, ORDER_BYTES)
            self._reap()
            if self._control.fileno() in ready:
                data, files, _, _ = socket.recv_fds(self._control, ORDER_BYTES, LISTENERS + 1)
                if not data:
                    return
                self._obey(json.loads(data), files)

    def _reap(self) -> None:
        """Collect ended keepers. Only now are their channels closed here, so that the grader knows."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            channel = self._kept.pop(pid, None)
            if channel is not None:
                os.close(channel)

    def _obey(self, order: dict[str, Any], files: list[int]) -> None:
        """Fork a kernel."""
        channel, *listeners = files
        self._count += 1
        cell = confine.Cell(
            Backend(order["backend"]),
            limits := Limits.from_data(order["limits"]),
            [*self._readable, *places.further(limits.readable)],
            order["files"],
            order["folder"],
            channel,
            listeners,
            self._count,
        )
        try:
            keeper = confine.start(cell, lambda: _kernel(cell, order, listeners))
            told: dict[str, Any] = {"keeper": keeper}
        except OSError as error:  # no memory, or no room in the table of processes, for one more
            keeper, told = 0, {"error": str(error)}
        for listener in listeners:
            os.close(listener)
        with contextlib.suppress(OSError):  # who asked for it is gone; then so is the kernel
            os.write(channel, json.dumps(told).encode())
        if keeper:
            self._kept[keeper] = channel
        else:
            os.close(channel)


def _kernel(cell: confine.Cell, order: dict[str, Any], listeners: list[int]) -> None:
    """Be the kernel, with the environment of the order and nothing of the grader's."""
    os.environ.clear()
    os.environ.update(EVERYWHERE | order["environment"])
    own = cell.temporary
    # As in an activated environment: notebooks call `atc` and the like by name.
    paths = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    os.environ["PATH"] = os.pathsep.join(paths)
    os.environ.update(HOME=cell.home, TMPDIR=own, IPYTHONDIR=f"{own}/ipython", MPLCONFIGDIR=f"{own}/mpl")
    tempfile.tempdir = None
    from camp.warm import kernel_app

    kernel_app.load_devices()
    ports = [order["connection"][f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")]
    sockets = dict(zip(ports, listeners, strict=True))
    apart = not cell.backend.by_landlock
    kernel_app.run(order["connection"], sockets, order["arguments"], apart=apart, seed=order["seed"])


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())


if __name__ == "__main__":
    main()
