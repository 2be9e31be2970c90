"""The process beside each kernel: passes signals on, watches its memory, and ends what it started.

It speaks with the grader over one socket. When that closes, for whatever reason, the kernel and all that it
started are ended: so nothing outlives the grader.

Messages are JSON. To the keeper: {"signal": number}. From it: {"started": true} or {"error": text}, now and
then {"waited": seconds}, and at the end {"exit": code, "reason": text}, code as in subprocess (negative: the
signal).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import Any

WATCH_MILLISECONDS = 250
_MESSAGE_BYTES = 65_536
_ROUND_SECONDS = 0.002
_WORTH_TELLING_SECONDS = 0.25


class Keeper:
    """Keeps one kernel until it ends.

    Args:
        channel: file descriptor of the socket to the grader.
        memory_bytes: what the kernel and its children may have together, beyond what this process has now.
        cpu_seconds: processor time after which an end by SIGKILL was Linux's own doing.
        alone: whether this is the first process of a table of its own. Linux then ends the others with it.
    """

    def __init__(self, channel: int, memory_bytes: int, cpu_seconds: int, *, alone: bool) -> None:
        self._channel = socket.socket(fileno=channel)
        self._memory = memory_bytes
        self._cpu = cpu_seconds
        self._alone = alone
        self._child = 0
        self._base = _private("self")  # by name: the number would mean another process once we are apart
        self._reason = ""
        self._waited = 0.0

    def say(self, **message: Any) -> None:
        """Tell the grader; one that is gone need not know."""
        with contextlib.suppress(OSError):
            self._channel.send(json.dumps(message).encode())

    def close(self) -> None:
        """Let go of the socket, in the kernel's own process, which must not have it."""
        self._channel.close()

    def keep(self, child: int) -> None:
        """Serve until the kernel has ended and all it started with it."""
        self._child = child
        ended = os.pidfd_open(child)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(self._channel, select.POLLIN)
        self.say(started=True)
        code = None
        while code is None:
            ready = dict(poll.poll(WATCH_MILLISECONDS))
            if self._channel.fileno() in ready and not self._obey():
                poll.unregister(self._channel)
            code = self._reap()
            self._tell_waiting()
            if code is None and self._too_much_memory():
                self._reason = "memory"
                self._end_all()
        if not self._alone:
            self._end_survivors()
        self.say(exit=code, reason=self._reason)

    def _tell_waiting(self) -> None:
        """Tell the grader how long the kernel waited for a processor: a busy machine is not its fault."""
        waited = waited_seconds(self._child)
        if waited - self._waited >= _WORTH_TELLING_SECONDS:
            with contextlib.suppress(OSError):  # a grader that does not listen now is told the sum later
                self._channel.send(json.dumps({"waited": waited}).encode(), socket.MSG_DONTWAIT)
                self._waited = waited

    def _obey(self) -> bool:
        """Carry out one message; False once the grader is gone."""
        try:
            data = self._channel.recv(_MESSAGE_BYTES)
        except OSError:
            data = b""
        number = int(json.loads(data)["signal"]) if data else signal.SIGKILL
        if number == signal.SIGKILL:
            self._reason = "ended"
            self._end_all()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child, number)
        return bool(data)

    def _reap(self) -> int | None:
        """Collect all that have ended; the kernel's exit code if it is one of them."""
        code = None
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return code
            if pid == 0:
                return code
            if pid == self._child:
                code = os.waitstatus_to_exitcode(status)
                spent = usage.ru_utime + usage.ru_stime
                if code == -signal.SIGXCPU or (code == -signal.SIGKILL and spent >= self._cpu):
                    self._reason = "cpu"

    def _end_all(self) -> None:
        """Kill the kernel and everything that it started, also what it hid from its own group."""
        if self._alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            return
        # Stopped first, so that none forks away; what slips through meets the next round.
        for number in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):
            for pid in self._others():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _end_survivors(self) -> None:
        """Kill and collect until no descendant is left."""
        while self._others():
            self._end_all()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(_ROUND_SECONDS)

    def _others(self) -> list[int]:
        """All processes that descend from this one."""
        parents: dict[int, list[int]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                parents.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
        found, todo = [], [os.getpid()]
        while todo:
            born = parents.get(todo.pop(), [])
            found += born
            todo += born
        return found

    def _too_much_memory(self) -> bool:
        """Whether the kernel and its children have more than they may, together."""
        try:
            pids = self._others()
        except OSError:  # a machine that grants no /proc: the bound of each process must do
            return False
        shared = max((_sizes(f"{pid}/status").get("RssShmem", 0) for pid in pids), default=0)
        room = self._memory - shared
        if sum(max(0, _private(str(pid)) - self._base) for pid in pids) <= room:
            return False
        # Pages that forked children still share were counted once each; the exact sum takes longer.
        return sum(_proportional(pid) for pid in pids) - self._base > room


def waited_seconds(pid: int) -> float:
    """How long the first thread of a process was ready to run and had no processor; 0.0 where none tells.

    Linux counts it in nanoseconds, the second number of `/proc/<pid>/schedstat` (proc_pid_schedstat).
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _sizes(name: str) -> dict[str, int]:
    """Sizes in bytes from a table below /proc; empty for a process that has ended or hides them."""
    try:
        with Path("/proc", name).open(encoding="ascii", errors="replace") as lines:
            parts = (line.split() for line in lines if line.endswith(" kB\n"))
            return {p[0].rstrip(":"): int(p[1]) << 10 for p in parts}
    except OSError:
        return {}


def _private(pid: str) -> int:
    """Bytes of private memory, also where they have been swapped out."""
    status = _sizes(f"{pid}/status")
    return status.get("RssAnon", 0) + status.get("VmSwap", 0)


def _proportional(pid: int) -> int:
    """Bytes of private memory, each page divided among those who share it; all of it where that is hidden."""
    rollup = _sizes(f"{pid}/smaps_rollup")
    return rollup["Pss_Anon"] + rollup.get("SwapPss", 0) if "Pss_Anon" in rollup else _private(str(pid))


def _parent(pid: int) -> int:
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(line.rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0
