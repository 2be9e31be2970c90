"""Bubblewrap: network, process table, IPC and users of their own, from a program that may make them.

Some distributions forbid such namespaces to everybody's programs but this one. What forks kernels then runs
inside, and each kernel's files are held by Landlock, which cannot hide those other things by itself.

Source: bwrap(1).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from camp.warm import places

if TYPE_CHECKING:
    from collections.abc import Iterator

_ETC = (*places.ETC, "passwd", "group", "hosts")


def command() -> list[str] | None:
    """What to put before a command so that it runs inside; None where the program is not installed."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    own = ("--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "learner")
    return [program, *own, *_users(), *_files(), "--chdir", "/", "--"]


def _users() -> tuple[str, ...]:
    """Root gives each kernel a user of its own, which takes all users that there are."""
    return ("--cap-add", "ALL") if os.geteuid() == 0 else ("--unshare-user",)


def _files() -> Iterator[str]:
    """A root folder that holds the system, Python and the device, and what kernels are furnished in."""
    for path in places.SYSTEM:
        if Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        else:
            yield from ("--ro-bind-try", path, path)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for folder in sorted({"/tmp", tempfile.gettempdir()}):  # noqa: S108 - Landlock keeps kernels out of it
        yield from ("--bind", folder, folder)
    etc = (f"/etc/{name}" for name in _ETC)
    grader = str(Path(__file__).parents[1])  # for what forks kernels; the kernels may not read it
    readable = [*etc, *places.PROCESSORS, *places.python_folders(), grader]
    parents = {str(parent) for path in readable for parent in Path(path).parents}
    for folder in sorted(parents - {"/", "/tmp", *places.SYSTEM}):  # noqa: S108 - by itself it would close them
        yield from ("--perms", "0755", "--dir", folder)
    for path in readable:
        yield from ("--ro-bind-try", path, path)
