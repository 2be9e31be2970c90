"""Runs a command as a user without rights, as `python ordinary_user.py UID command…`; needs root.

Where root's own home holds the running Python, the command sees a home that holds nothing else.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from camp.warm import linux


def main() -> None:
    """Change the user and become the command."""
    uid, command = int(sys.argv[1]), sys.argv[2:]
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    _within_reach(Path(os.path.realpath(sys.base_prefix)))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.environ.update(HOME="/nonexistent", PYTHONDONTWRITEBYTECODE="1")
    os.execvp(command[0], command)  # noqa: S606 - this is what the program is for


def _within_reach(folder: Path) -> None:
    """Put an open folder in the place of each closed one on the way."""
    for parent in reversed(folder.parents):
        if parent.stat().st_mode & stat.S_IXOTH:
            continue
        kept = os.open(folder, os.O_PATH)
        linux.mount("none", str(parent), "tmpfs", 0, "mode=755")
        folder.mkdir(parents=True)
        linux.mount(f"/proc/self/fd/{kept}", str(folder), flags=linux.MS_BIND)
        os.close(kept)


if __name__ == "__main__":
    main()
