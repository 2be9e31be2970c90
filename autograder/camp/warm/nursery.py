"""The grader's end of the zygote: started when first needed, shared by the process, gone with it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from camp.warm import bubblewrap
from camp.warm.errors import SandboxError, WarmKernelError
from camp.warm.limits import Backend, Isolation

# torch._dynamo is imported at the first step of any optimizer, and takes most of a second.
PRELOAD = ("numpy", "torch", "torch_npu", "torch._dynamo")
"""What notebooks of the course import, and takes long to. What is not installed is left out.

A device package is imported here, never used: each kernel has a device of its own.
"""
READY_SECONDS = 120.0
CHOICE = "CAMP_SANDBOX"
"""The variable that names a back end, or `none`, which nothing else chooses."""
_ANSWER_BYTES = 1 << 16
_NOT_LINUX = "this is not Linux"
_BUFFER_BYTES = 1 << 20
# What the zygote needs of this process's environment, and so all that a kernel could find of it.
KEEP_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
# More threads in the zygote would hang its children; more in a kernel only make graders slower.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# PyTorch asks for large tensors in large pages: a sum into fresh memory takes a fifth of the time.
EVERYWHERE = {**_ONE_THREAD, "THP_MEM_ALLOC_ENABLE": "1"}
"""Variables of the zygote and all its kernels."""


def chosen() -> Backend | None:
    """The back end that the variable CAMP_SANDBOX asks for by name; None for the best there is.

    Raises:
        SandboxError: it names none that exists.
    """
    name = os.environ.get(CHOICE, "")
    if name and name not in set(Backend):
        raise SandboxError(f"{CHOICE}={name} names no sandbox; there are {', '.join(Backend)}")
    return Backend(name) if name else None


@dataclass(frozen=True)
class Brood:
    """What distinguishes one zygote from another.

    Attributes:
        preload: modules that all its kernels have imported already.
        backend: the sandbox asked for by name; None takes the best there is.
        python: the interpreter that runs it.
    """

    preload: tuple[str, ...] | None = PRELOAD
    backend: Backend | None = field(default_factory=chosen)
    python: str = sys.executable


class Nursery:
    """One end of a running zygote. Use `nursery()` to get it.

    Attributes:
        isolation: the sandbox in use, and those that were refused; known once it is `probed`.
        pid: the zygote's process id.
        compared: whether it is known to be the best there is.
    """

    isolation: Isolation
    compared = True

    def __init__(self, brood: Brood) -> None:
        """Start a zygote; it imports while this process does something else."""
        inside = bubblewrap.command() if brood.backend is Backend.BUBBLEWRAP else []
        if inside is None:
            raise WarmKernelError("bwrap is not installed")
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        settings = json.dumps({"preload": brood.preload, "backend": brood.backend})
        with theirs:
            # A session of its own: Ctrl-C in a terminal is for the grader, which then closes the socket.
            self._process = subprocess.Popen(
                [*inside, brood.python, "-m", "camp.warm.zygote", str(theirs.fileno()), settings],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("CAMP_WARM_DEBUG") else subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._lock = threading.Lock()
        self._probed = self._ready = False
        self.compared = False

    def probed(self) -> Isolation:
        """Wait until it has tried the sandbox, which it does first.

        Raises:
            WarmKernelError: it does not start.
        """
        with self._lock:
            if not self._probed:
                answer = self._answer(READY_SECONDS)
                refused = tuple((Backend(name), str(why)) for name, why in answer["refused"])
                self.isolation = Isolation(Backend(answer["backend"]) if answer["backend"] else None, refused)
                self._probed = True
        return self.isolation

    def ready(self) -> None:
        """Wait until it takes orders.

        Raises:
            WarmKernelError: it does not start.
        """
        self.probed()
        with self._lock:
            if self._ready:
                return
            if error := self._answer(READY_SECONDS)["error"]:
                self.close()
                raise WarmKernelError(f"warm kernels cannot be prepared: {error}")
            self._ready = True

    def fork(self, order: dict[str, Any], files: list[int]) -> None:
        """Have a kernel forked. It, and who forked it, answer through the first of the files.

        Raises:
            WarmKernelError: the zygote has ended.
        """
        try:
            socket.send_fds(self._socket, [json.dumps(order).encode()], files)
        except OSError as error:
            raise WarmKernelError(f"the zygote of warm kernels takes no orders: {error}") from None

    def alive(self) -> bool:
        """Whether it can be asked for kernels."""
        return self._process.poll() is None

    def lend(self, brood: Brood) -> Lent:
        """What another process of this grader needs to have its kernels forked here, too."""
        return Lent(self._socket, self.pid, self.isolation, brood)

    def close(self) -> None:
        """End the zygote; its kernels end when their own sockets close."""
        with contextlib.suppress(OSError):
            self._socket.close()
        if not self._ready:  # it is importing, and would notice only at the end of that
            self._process.kill()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self, seconds: float) -> dict[str, Any]:
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(_ANSWER_BYTES)
        except OSError:
            data = b""
        if not data:
            self.close()
            raise WarmKernelError(
                f"the zygote of warm kernels ended with code {self._process.returncode}; "
                "set CAMP_WARM_DEBUG=1 to see its message"
            )
        answer: dict[str, Any] = json.loads(data)
        return answer


@dataclass(frozen=True)
class Lent:
    """A zygote that another process started and ends; can be pickled for a process that is being started."""

    control: socket.socket
    pid: int
    isolation: Isolation
    brood: Brood

    def use(self) -> None:
        """Take this process's kernels from it."""
        _nurseries[os.getpid(), self.brood] = _Borrowed(self)


class _Borrowed(Nursery):
    """The end of a zygote in a process that did not start it."""

    def __init__(self, lent: Lent) -> None:
        self._socket, self.pid, self.isolation = lent.control, lent.pid, lent.isolation

    def probed(self) -> Isolation:
        """What its owner was told."""
        return self.isolation

    def ready(self) -> None:
        """It was before it was lent."""

    def alive(self) -> bool:
        """Whether it can be asked for kernels. It says nothing more here, except by its end."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


_nurseries: dict[tuple[int, Brood], Nursery] = {}
_lock = threading.Lock()


def prepare(brood: Brood | None = None) -> None:
    """Start the zygote for these settings if there is none, and do not wait for it."""
    if sys.platform.startswith("linux") and (brood is not None or chosen() is not Backend.NONE):
        _hatched(brood or Brood())


def _hatched(brood: Brood) -> Nursery:
    key = (os.getpid(), brood)  # a forked grader has not the means to hear of its parent's
    with _lock:
        found = _nurseries.get(key)
        if found is None or not found.alive():
            found = _nurseries[key] = Nursery(brood)
            atexit.register(found.close)
    return found


def nursery(brood: Brood) -> Nursery:
    """The zygote for these settings, started if there is none, and ready.

    Raises:
        WarmKernelError: it does not start.
        SandboxError: this machine has no sandbox, or not the one that was asked for.
    """
    found = _best(_hatched(brood), brood)
    found.ready()
    if found.isolation.backend is None:
        raise no_sandbox(found.isolation)
    return found


def _best(found: Nursery, brood: Brood) -> Nursery:
    """It, or where namespaces are refused to us and not to bubblewrap, one that runs in that."""
    known = found.probed()
    if found.compared or brood.backend is not None:
        return found
    found.compared = True
    if known.backend is Backend.NAMESPACES:
        return found
    try:
        other = Nursery(replace(brood, backend=Backend.BUBBLEWRAP))
        tried = other.probed()
    except WarmKernelError as error:
        found.isolation = replace(known, refused=(*known.refused, (Backend.BUBBLEWRAP, str(error))))
        return found
    if tried.backend is None:
        other.close()
        found.isolation = replace(known, refused=(*known.refused, *tried.refused))
        return found
    other.isolation = Isolation(tried.backend, known.refused[:1])
    other.compared = True
    found.close()
    key = (os.getpid(), brood)
    with _lock:
        if _nurseries.get(key) is found:
            _nurseries[key] = other
            atexit.register(other.close)
    return other


def no_sandbox(found: Isolation) -> SandboxError:
    """What is said where strangers' code has no sandbox to run in."""
    return SandboxError(
        f"no sandbox can be set up here: {found}; grade strangers' notebooks on another machine, "
        "or ask for none by name: camp --sandbox none"
    )


def lend() -> Lent | None:
    """This process's zygote for its worker processes; None where they have to do without.

    Raises:
        WarmKernelError: it does not start.
    """
    return nursery(Brood()).lend(Brood()) if usable().safe else None


@cache
def usable() -> Isolation:
    """The sandbox that this process's kernels get; its back end is None where the machine refuses them all.

    Starts the zygote, which the kernels need anyway; tried once in a process.

    Raises:
        WarmKernelError: the zygote does not start. That is no leave to do without a sandbox.
    """
    if chosen() is Backend.NONE or not sys.platform.startswith("linux"):
        return isolation()
    try:
        return nursery(Brood()).isolation
    except SandboxError as error:
        return Isolation(None, ((Backend.NAMESPACES, str(error)),))


def isolation(backend: Backend | None = None) -> Isolation:
    """Which sandbox this machine gives a kernel. Takes a fraction of a second.

    Args:
        backend: the only one to be tried; None takes what CAMP_SANDBOX says, or the best there is.

    Raises:
        SandboxError: CAMP_SANDBOX names none that exists.
    """
    backend = backend or chosen()
    if backend is Backend.NONE:
        return Isolation(Backend.NONE)
    if not sys.platform.startswith("linux"):
        return Isolation(None, ((Backend.NAMESPACES, _NOT_LINUX), (Backend.LANDLOCK, _NOT_LINUX)))
    own = _nurseries.get((os.getpid(), Brood(backend=backend)))
    try:
        if own is not None and own.alive():
            return _best(own, Brood(backend=backend)).isolation
        brood = Brood(preload=None, backend=backend)
        trial = _best(Nursery(brood), brood)
    except WarmKernelError as error:
        return Isolation(None, ((backend or Backend.NAMESPACES, str(error)),))
    found = trial.probed()
    trial.close()
    return found


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEEP_ENVIRONMENT if name in os.environ}
    return {**kept, **EVERYWHERE, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
