"""plog: the log that CANN writes beside a program, and where a learner looks for an error's cause.

Layout and line format are the real ones: `<root>/debug/plog/plog-<pid>_<time>.log`, where the root is
ASCEND_PROCESS_LOG_PATH or `~/ascend/log`, and lines like

    [ERROR] RUNTIME(1234,python3):2026-01-31-09:30:00.123.456 [stream.py:88] 1234 ...

Positions are those of our own files. Times are the machine's, not virtual: a log is read beside other logs,
and nothing in it flows back into the simulation. A file is only made when there is something to write.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

from npusim.exceptions import EnvironmentVariableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from io import TextIOWrapper

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DEBUG, INFO, WARNING, ERROR, NONE = range(5)
# modules that log here, by the names of CANN's log_types.h
MODULES = ("RUNTIME", "ASCENDCL", "GE", "FE", "HCCL", "DRV", "DVPP", "TBE", "OP", "PROFILING", "AICPU", "ATC")


class LogSettings(NamedTuple):
    """What the environment decides about logs.

    Attributes:
        level: the lowest level that is written: 0 debug, 1 info, 2 warning, 3 error, 4 nothing.
        to_stdout: print instead of writing a file.
        root: the folder of the log files; empty: `~/ascend/log`.
        modules: levels of single modules, which go before the other.
    """

    level: int = ERROR
    to_stdout: bool = False
    root: str = ""
    modules: tuple[tuple[str, int], ...] = ()


def log_settings(env: dict[str, str]) -> LogSettings:
    """Reads ASCEND_GLOBAL_LOG_LEVEL, ASCEND_MODULE_LOG_LEVEL, ASCEND_SLOG_PRINT_TO_STDOUT and the paths.

    Raises:
        EnvironmentVariableError: a value that the variable does not accept.
    """
    level = env.get("ASCEND_GLOBAL_LOG_LEVEL", "") or str(ERROR)
    if level not in {"0", "1", "2", "3", "4"}:
        raise EnvironmentVariableError(
            f"ASCEND_GLOBAL_LOG_LEVEL={level!r} is not understood: "
            "set it to 0 (debug), 1 (info), 2 (warning), 3 (error) or 4 (nothing)."
        )
    stdout = [
        env.get(name, "") or "0" for name in ("ASCEND_SLOG_PRINT_TO_STDOUT", "ASCEND_LOG_PRINT_TO_STDOUT")
    ]
    for value in stdout:
        if value not in {"0", "1"}:
            raise EnvironmentVariableError(
                f"ASCEND_SLOG_PRINT_TO_STDOUT={value!r} is not understood: set it to 0 or 1."
            )
    return LogSettings(int(level), "1" in stdout, log_root(env), _module_levels(env))


def log_root(env: dict[str, str]) -> str:
    """Where logs go: ASCEND_PROCESS_LOG_PATH, `log` in ASCEND_WORK_PATH, or the user's folder (empty)."""
    work = env.get("ASCEND_WORK_PATH", "")
    return env.get("ASCEND_PROCESS_LOG_PATH", "") or (os.path.join(work, "log") if work else "")  # noqa: PTH118 - pathlib is slow to import


def _module_levels(env: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """ASCEND_MODULE_LOG_LEVEL: NAME=LEVEL, several with colons, no spaces."""
    value = env.get("ASCEND_MODULE_LOG_LEVEL", "")
    pairs = [part.partition("=") for part in value.split(":")] if value else []
    wrong = next(
        (n for n, _, level in pairs if n not in MODULES or level not in {"0", "1", "2", "3", "4"}), None
    )
    if wrong is not None:
        raise EnvironmentVariableError(
            f"ASCEND_MODULE_LOG_LEVEL={value!r} is not understood at {wrong!r}: set it to NAME=LEVEL, "
            "several with colons and no spaces, with a level from 0 to 4 and a name of "
            f"{', '.join(MODULES)}."
        )
    return tuple((name, int(level)) for name, _, level in pairs)


class Plog:
    """The log of one process.

    Args:
        settings: what the environment decided.
        clock: tells the time; for tests.
    """

    __slots__ = ("_clock", "_file", "_levels", "_lock", "_lost", "settings")

    def __init__(self, settings: LogSettings, clock: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self._levels = dict(settings.modules)
        self._clock = clock or _now
        self._file: TextIOWrapper | None = None
        self._lock = threading.Lock()  # two threads' first lines must not make two files
        self._lost = False

    def wants(self, level: int, component: str = "") -> bool:
        """Whether a module's lines of that level are written."""
        return level >= self._levels.get(component, self.settings.level)

    def write(self, level: int, component: str, message: str, *, depth: int = 1) -> None:
        """Writes a line, where the level is wanted.

        A log that cannot be written is given up silently: it must never stop the program that it describes.

        Args:
            level: 0 debug to 3 error.
            component: who speaks: RUNTIME, GE, ASCENDCL, HCCL, DRV.
            message: one line; line breaks become spaces.
            depth: how many calls up the position is that the line names.
        """
        if not self.wants(level, component):
            return
        frame = sys._getframe(depth)  # noqa: SLF001 - the only way to name the caller's position
        where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"  # noqa: PTH119 - pathlib is slow to import
        now = self._clock()
        text = " ".join(message.split())
        pid = os.getpid()
        line = f"[{LEVELS[level]}] {component}({pid},{_program()}):{stamp(now)} [{where}] {pid} {text}"
        with self._lock:
            if self.settings.to_stdout:
                print(line, flush=True)  # noqa: T201 - what ASCEND_SLOG_PRINT_TO_STDOUT asks for
            elif not self._lost:
                self._append(line, now)

    def close(self) -> None:
        """Closes the file; a later line starts another."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _append(self, line: str, now: datetime) -> None:
        from pathlib import Path

        try:
            if self._file is None:
                root = Path(self.settings.root or Path.home() / "ascend" / "log")
                folder = root / "debug" / "plog"
                folder.mkdir(parents=True, exist_ok=True)
                name = f"plog-{os.getpid()}_{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}.log"
                self._file = (folder / name).open("a", encoding="utf-8")
            self._file.write(line + "\n")
            self._file.flush()
        except (OSError, RuntimeError):  # RuntimeError: there is no home folder
            self._lost = True


def module_of(code: int) -> str:
    """Who logs a code of AscendCL: RUNTIME those named ACL_ERROR_RT, GE those ACL_ERROR_GE, else ASCENDCL."""
    return {7: "RUNTIME", 45: "GE"}.get(code % 100_000 // 1000, "ASCENDCL")


def stamp(now: datetime | None = None) -> str:
    """The time as CANN writes it, to the microsecond; the machine's by default."""
    now = now or _now()
    return f"{now:%Y-%m-%d-%H:%M:%S}.{now.microsecond // 1000:03d}.{now.microsecond % 1000:03d}"


def _now() -> datetime:
    from datetime import datetime

    return datetime.now().astimezone()


def _program() -> str:
    return os.path.basename(sys.executable or "python3")  # noqa: PTH119 - pathlib is slow to import
