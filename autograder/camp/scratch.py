"""A temporary folder for one run, removed with it; one that a killed run left is removed by the next."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform != "win32":
    import fcntl

_PREFIX = "camp-run-"
_LOCK = "lock"
_NAME = len(_PREFIX) + 10
"""Characters of a folder's own name, and of the slash before it, at most."""


@contextlib.contextmanager
def scratch_folder(short: int | None = None) -> Iterator[Path]:
    """A folder for the temporary files of this run.

    Args:
        short: the most characters that its path should have, as sockets in it need; where the usual place
            is longer, it lies in /tmp.
    """
    usual = tempfile.gettempdir()
    place = "/tmp" if short and len(usual) > short - _NAME and os.name == "posix" else usual  # noqa: S108
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder.chmod(0o711)  # what runs for root as nobody has its own folders below it
    try:
        with (folder / _LOCK).open("w") as lock:
            hold(lock.fileno())
            lock.write(str(os.getpid()))  # only now may another run try whether it is held
            lock.flush()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hold(lock: int) -> bool:
    """Lock an open file for this process until it is closed; False if another process has it locked.

    The lock goes with the process, however that ends. Where the system has no such locks, all is granted.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep(place: str) -> None:
    """Remove what killed runs of this user have left there."""
    if sys.platform == "win32":
        return
    for folder in Path(place).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open() as lock:
                if lock.read() and hold(lock.fileno()):
                    shutil.rmtree(folder, ignore_errors=True)
