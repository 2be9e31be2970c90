"""What running processes hold, shared between them through small files: what npu-smi shows.

Each process keeps one file `<pid>.json` in the user's runtime folder, rewritten at each change, and a
lock on `<pid>.lock` for as long as it lives: a file whose lock can be taken belongs to a process that is
gone. Nothing here is needed to simulate: where files or locks cannot be had, a process is simply not shown.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ROOM = 2048  # bytes of a state file; more than eight devices need


class ProcessState(NamedTuple):
    """What one process holds.

    Attributes:
        pid: its number.
        name: its program.
        soc: the chip that it simulates.
        memory: bytes it holds on each device, by the device's number on the machine.
        busy: per cent of its (virtual) time that each device worked for it.
    """

    pid: int
    name: str
    soc: str
    memory: dict[int, int]
    busy: dict[int, int]


def runtime_folder(env: dict[str, str] | None = None) -> Path:
    """Where the files lie.

    `npusim` in XDG_RUNTIME_DIR, or a folder of the user's own among the temporary ones.
    """
    import tempfile
    from pathlib import Path

    environ = dict(os.environ) if env is None else env
    base = environ.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir():
        return Path(base) / "npusim"
    user = os.getuid() if hasattr(os, "getuid") else environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"npusim-{user}"


class Publisher:
    """Writes this process's file. A forked child writes its own.

    Args:
        folder: where to; None: the runtime folder.
    """

    __slots__ = ("_file", "_folder", "_lock", "_pid")

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock: IO[str] | None = None
        self._file: IO[bytes] | None = None
        self._pid = 0

    def publish(self, soc: str, memory: dict[int, int], busy: dict[int, int]) -> None:
        """Replaces this process's file; gives up silently where that cannot be."""
        with contextlib.suppress(OSError, ImportError):
            folder = self._open()
            if folder is None:
                return
            state = {
                "pid": self._pid,
                "name": os.path.basename(sys.executable or "python3"),  # noqa: PTH119 - pathlib is slow to import
                "soc": soc,
                "memory": memory,
                "busy": busy,
            }
            if self._file is None or not os.fstat(self._file.fileno()).st_nlink:
                # the first change, or the file was taken away as damaged
                self._file = (folder / f"{self._pid}.json").open("wb", buffering=0)
            # one write in place is quicker than a new file; blanks cover a longer content before
            self._file.seek(0)
            self._file.write(json.dumps(state).encode().ljust(ROOM))

    def close(self) -> None:
        """Takes this process's files away."""
        if self._lock is None or self._pid != os.getpid() or self._folder is None:
            return
        for opened in (self._lock, self._file):
            if opened is not None:
                opened.close()
        self._lock = self._file = None
        for end in ("json", "lock"):
            with contextlib.suppress(OSError):
                (self._folder / f"{self._pid}.{end}").unlink()

    def _open(self) -> Path | None:
        """The folder, once this process holds its lock."""
        if self._pid == os.getpid():
            return self._folder if self._lock is not None else None
        self._pid = os.getpid()
        self._file = None  # a forked child leaves its parent's alone
        folder = self._folder = self._folder or runtime_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / f"{self._pid}.lock").open("w", encoding="utf-8")
        if not _take(lock):
            lock.close()
            self._lock = None
            return None
        self._lock = lock
        atexit.register(self.close)
        return folder


def running(folder: Path | None = None) -> list[ProcessState]:
    """Every living process that published something, by number.

    Files of processes that are gone are taken away. A damaged file is taken away with a warning on stderr.
    """
    folder = folder or runtime_folder()
    return [state for path in _files(folder) if (state := _read(path)) is not None]


def _files(folder: Path) -> Iterator[Path]:
    found = [path for path in folder.glob("*.json") if path.stem.isdecimal()] if folder.is_dir() else []
    return iter(sorted(found, key=lambda path: int(path.stem)))


def _read(path: Path) -> ProcessState | None:
    if not _alive(path.with_suffix(".lock")):
        for gone in (path, path.with_suffix(".lock")):
            with contextlib.suppress(OSError):
                gone.unlink()
        return None
    try:
        raw = _parse(path)
        memory = {int(index): int(size) for index, size in raw["memory"].items()}
        busy = {int(index): int(share) for index, share in raw["busy"].items()}
        return ProcessState(int(path.stem), str(raw["name"]), str(raw["soc"]), memory, busy)
    except (OSError, ArithmeticError, LookupError, RecursionError, TypeError, AttributeError, ValueError):
        print(f"npu-smi: {path} is damaged and was taken away.", file=sys.stderr)  # noqa: T201 - the warning
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _parse(path: Path) -> dict[str, Any]:
    """A state file's content; one that is being rewritten is read again."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = json.loads(path.read_text(encoding="utf-8"))
    return found


def _alive(lock: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        with lock.open("r+", encoding="utf-8") as file:
            return not _take(file)
    except FileNotFoundError:
        return False
    except (OSError, ImportError):
        return True


def _take(file: IO[str]) -> bool:
    """Tries to lock a file; the lock goes with the file or the process."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
