"""Runs a function in a sandbox: the one place where the back ends differ."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import signal
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from camp.warm import landlock, linux, namespaces, places, rlimits, seccomp
from camp.warm.keeper import Keeper
from camp.warm.limits import Backend, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

_COUNTS_BY_NAMESPACE = (5, 14)
"""Since this version of Linux, a user namespace has its own count of processes."""
_ETC = tuple(f"/etc/{name}" for name in (*places.ETC, "passwd", "group", "hosts"))
_PROC = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/self")


@dataclass(frozen=True)
class Cell:
    """What a confined process gets.

    Attributes:
        backend: what holds it.
        limits: its bounds.
        readable: folders it may read besides the system's.
        files: the folder whose files it finds copied into its home folder.
        folder: what its home folder is made in, where the back end has no file system of its own.
        channel: file descriptor of the socket to the grader.
        keep: file descriptors that stay open in it.
        slot: a number that no other living kernel of this process has.
    """

    backend: Backend
    limits: Limits
    readable: list[str]
    files: str | None
    folder: str
    channel: int
    keep: list[int] = field(default_factory=list)
    slot: int = 0

    @property
    def home(self) -> str:
        """The private folder, as the confined process sees it."""
        return namespaces.HOME if self.backend is Backend.NAMESPACES else f"{self.folder}/home"

    @property
    def temporary(self) -> str:
        """The folder for temporary files, as the confined process sees it."""
        if self.backend is Backend.NAMESPACES:
            return namespaces.TEMPORARY
        return f"{self.folder}/tmp"  # noqa: S108 - below a folder of its own


def start(cell: Cell, run: Callable[[], None]) -> int:
    """Fork a keeper that runs `run` in the sandbox; return the keeper's pid, a child of this process.

    This process must be the reaper of its descendants (PR_SET_CHILD_SUBREAPER) and have one thread.
    """
    if cell.backend is not Backend.NAMESPACES:
        pid = os.fork()
        if pid == 0:
            _be(_keep, cell, run)
        return pid
    # A process table begins with the next child, so one process stands between and goes.
    heard, told = os.pipe()
    between = os.fork()
    if between == 0:
        _be(_stand_between, cell, run, told)
    os.close(told)
    pid = int.from_bytes(os.read(heard, 4), "little")
    os.close(heard)
    os.waitpid(between, 0)
    return pid


def _be(role: Callable[..., None], cell: Cell, *arguments: object) -> None:
    """Play a role in a forked child and never come back; failures before the start go to the grader."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        role(cell, *arguments)
        code = 0
    except Exception as error:  # noqa: BLE001 - whatever it is, the grader is told
        with contextlib.suppress(OSError):
            os.write(cell.channel, json.dumps({"error": _in_words(error)}).encode())
    finally:
        os._exit(code)


def _in_words(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{error} ({Path(where.filename).name}:{where.lineno})"


def _stand_between(cell: Cell, run: Callable[[], None], told: int) -> None:
    _close_all_but([cell.channel, told, *cell.keep])
    namespaces.leave()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _be(_keep, cell, run)
    os.write(told, pid.to_bytes(4, "little"))


def _keep(cell: Cell, run: Callable[[], None]) -> None:
    """Set the sandbox up, fork what is to run in it, and keep it."""
    _close_all_but([cell.channel, *cell.keep])
    limits = cell.limits
    apart = cell.backend is Backend.NAMESPACES
    keeper = Keeper(cell.channel, limits.memory_bytes, limits.cpu_seconds, alone=apart)
    uid = os.geteuid() if cell.backend is Backend.NONE else rlimits.unused_uid(cell.slot)
    processes = limits.processes + _not_ours(cell.backend, uid)
    if apart:
        namespaces.move_in(cell.readable, limits, uid, cell.files)
        namespaces.become(uid)
        linux.drop_privileges()
        seccomp.install(seccomp.Rules(), 0)
    else:
        os.setsid()
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        _furnish(cell, uid)
    # Its memory must not be open to what it keeps, which may have the same user.
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    child = os.fork()
    if child == 0:
        _be(_enter, cell, run, uid, processes, keeper)
    keeper.keep(child)


def _furnish(cell: Cell, uid: int) -> None:
    """Make the private folders, where they lie among the machine's own."""
    for folder in (cell.home, cell.temporary):
        Path(folder).mkdir(mode=0o700)
    if cell.files:
        namespaces.copy_files(cell.files, Path(cell.home), uid, -1)
    for folder in (cell.home, cell.temporary, cell.folder):
        os.chown(folder, uid, -1)


def _enter(cell: Cell, run: Callable[[], None], uid: int, processes: int, keeper: Keeper) -> None:
    """The last steps, in the process itself."""
    os.setsid()
    if cell.backend.by_landlock and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    with contextlib.suppress(OSError):  # when the machine runs out of memory, this goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    rlimits.restrict(cell.limits, processes)
    if cell.backend.by_landlock:
        linux.drop_privileges()
        system = [*places.SYSTEM, *_ETC, *_PROC, *places.PROCESSORS]
        landlock.restrict([*system, *cell.readable], [cell.folder, *places.DEVICES])
        own_signals = landlock.version() < landlock.SCOPE_VERSION
        seccomp.install(seccomp.Rules(local_only=True, own_signals=own_signals), os.getpid())
    os.chdir(cell.home)
    keeper.close()  # from here on the grader hears of this process only by its end
    code = 1
    try:
        run()
        code = 0
    except BaseException:  # noqa: BLE001 - SystemExit too: nobody is left to catch it
        traceback.print_exc()
    finally:
        os._exit(code)


def _not_ours(backend: Backend, uid: int) -> int:
    """How many processes count against the same bound without being the kernel's."""
    if backend is not Backend.NONE and os.geteuid() == 0:
        return 0  # the uid is this kernel's alone
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    counted = version is not None and (int(version[1]), int(version[2])) >= _COUNTS_BY_NAMESPACE
    if backend is Backend.NAMESPACES and counted:
        return 0
    return rlimits.processes_of(uid)


def _close_all_but(kept: list[int]) -> None:
    """Close every file but 0, 1, 2 and these."""
    low = 3
    for number in sorted(kept):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
