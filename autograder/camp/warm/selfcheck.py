"""Run inside a sandbox that is being tried: does it hold? Nothing here does harm where it does not."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

from camp.warm.limits import Limits

PROBE_LIMITS = Limits(processes=10)
_MORE_PROCESSES = 16
_WAIT_SECONDS = 2.0


def faults(hidden: str, port: int, outsider: int) -> list[str]:
    """What the sandbox lets through; empty when it holds.

    Args:
        hidden: a file outside, which everyone there may read and write.
        port: a TCP port of this machine that something listens on.
        outsider: a process outside, which nobody in the sandbox may see or signal.
    """
    checks = {
        "its user can still be root": _is_root,
        "it has capabilities": _has_capabilities,
        "programs may gain privileges": _may_gain,
        "seccomp filters nothing": _unfiltered,
        "a file outside can be read": lambda: _opens(hidden, os.O_RDONLY),
        "a file outside can be written": lambda: _opens(hidden, os.O_WRONLY),
        "the network can be reached": lambda: _connects(port),
        "a process outside can be signalled": lambda: _signals(outsider),
        f"more than {PROBE_LIMITS.processes} processes can be started": _forks_freely,
    }
    return [what for what, check in checks.items() if check()]


def _status() -> dict[str, str]:
    """/proc/self/status; empty where there is no /proc."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _is_root() -> bool:
    return 0 in {*os.getresuid(), *os.getresgid()}


def _has_capabilities() -> bool:
    # The bounding set, which only root may lower, means nothing once no program can gain privileges.
    status = _status()
    return any(int(status.get(name, "0"), 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))


def _may_gain() -> bool:
    return _status().get("NoNewPrivs", "1") != "1"


def _unfiltered() -> bool:
    return _status().get("Seccomp", "2") != "2"


def _opens(path: str, how: int) -> bool:
    try:
        os.close(os.open(path, how))
    except OSError:
        return False
    return True


def _connects(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_WAIT_SECONDS):
            return True
    except OSError:
        return False


def _signals(pid: int) -> bool:
    """Whether signal 0, which does nothing, would be delivered. Inside, the number may be someone else's."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno not in {errno.EPERM, errno.ESRCH}
    return True


def _forks_freely() -> bool:
    """Start a few more processes than allowed, which only sleep, and end them."""
    children = []
    try:
        for _ in range(_MORE_PROCESSES):
            pid = os.fork()
            if pid == 0:
                time.sleep(_WAIT_SECONDS)
                os._exit(0)
            children.append(pid)
    except OSError:
        return False
    else:
        return True
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
