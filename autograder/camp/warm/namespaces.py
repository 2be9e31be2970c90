"""The strongest sandbox: a root folder, process table, network and users that hold nothing but the kernel.

Called in a forked child of one thread. `leave` comes first; the child that it forks next is the first process
of the new table and calls `move_in`.

Sources: namespaces(7), user_namespaces(7), mount_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from camp.warm import linux, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camp.warm.limits import Limits

INSIDE_ID = 1000
HOME, TEMPORARY = "/home/learner", "/tmp"  # noqa: S108 - its own
_OWN = ("tmp", "dev/shm", "home")
_SMALL = "size=4m,nr_inodes=4096,mode=755"
_MAX_FILES = 20_000
_READ_ONLY = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_PASSWD = f"learner:x:{INSIDE_ID}:{INSIDE_ID}::{HOME}:/bin/sh\n"
_HOSTS = "127.0.0.1 localhost learner\n::1 localhost\n"


def leave() -> None:
    """Leave this machine's mounts, processes, network, IPC, host name and, unless root, its users.

    Raises:
        OSError: this machine refuses it.
    """
    flags = linux.ALL_NAMESPACES & ~(linux.CLONE_NEWTIME | linux.CLONE_NEWUSER)
    if os.geteuid() == 0:
        linux.unshare(flags)  # root changes to a real user of no rights later, in `become`
        return
    user, group = os.geteuid(), os.getegid()
    linux.unshare(flags | linux.CLONE_NEWUSER)
    _map_ids(user, group)


def move_in(readable: list[str], limits: Limits, uid: int, files: str | None) -> None:
    """Build the new root folder and make it the only one; bring up the loopback network.

    Args:
        readable: folders that can be read besides the system's, as absolute paths.
        limits: how much may be written.
        uid: the user who will own the writable folders.
        files: a folder whose files are copied into the home folder.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("none", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, _SMALL)  # noqa: S108
    for folder in ("old", "new"):
        Path("/tmp", folder).mkdir()  # noqa: S108
    linux.pivot_root("/tmp", "/tmp/old")  # noqa: S108
    os.chdir("/")
    linux.mount("none", "/new", "tmpfs", linux.MS_NOSUID, _SMALL)
    _system()
    _writable(limits.disk_bytes, uid, files)
    _readable(readable)  # last: Python may lie in /home or /tmp, where the writable folders would hide it
    _processes()
    _terminals()
    os.chdir("/new")
    linux.mount("none", "/new", flags=linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID)
    linux.pivot_root(".", ".")
    linux.unmount(".")
    os.chdir("/")
    _loopback()


def become(uid: int) -> None:
    """Become, when root, a real user without rights, in a user namespace of its own where there is one."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # or /proc/self would still be root's
    with contextlib.suppress(OSError):  # processes are counted by the uid alone, which is this kernel's own
        linux.unshare(linux.CLONE_NEWUSER)
        _map_ids(uid, uid)


def _map_ids(uid: int, gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_ID} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_ID} {gid} 1", encoding="ascii")


def _system() -> None:
    """The distribution's programs and libraries, a little of /etc, and the harmless devices."""
    for path in places.SYSTEM:
        old, new = Path(f"/old{path}"), Path(f"/new{path}")
        if old.is_symlink():
            new.parent.mkdir(parents=True, exist_ok=True)
            new.symlink_to(old.readlink())
        elif old.is_dir():
            _bind(path, _READ_ONLY)
    etc = Path("/new/etc")
    etc.mkdir()
    for name, text in (("passwd", _PASSWD), ("group", f"learner:x:{INSIDE_ID}:\n"), ("hosts", _HOSTS)):
        (etc / name).write_text(text, encoding="ascii")
    _readable(f"/etc/{name}" for name in places.ETC)
    _readable(places.PROCESSORS)
    for device in places.DEVICES:
        _bind(device, linux.MS_NOSUID | linux.MS_NOEXEC)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        Path("/new/dev", name).symlink_to(f"/proc/self/{target}")


def _readable(paths: Iterable[str]) -> None:
    for path in paths:
        if Path(f"/old{_resolved(path)}").exists():
            _bind(path, _READ_ONLY)


def _bind(path: str, flags: int) -> None:
    """Show a file or folder of the old root at the same place in the new one."""
    # A link is followed in the old root: its target is absolute in there, not here.
    old, new = Path(f"/old{_resolved(path)}"), Path(f"/new{path}")
    new.parent.mkdir(parents=True, exist_ok=True)
    if old.is_dir():
        new.mkdir(exist_ok=True)
    else:
        new.touch()
    linux.mount(str(old), str(new), flags=linux.MS_BIND | linux.MS_REC)
    linux.set_mount_flags(str(new), flags)


def _resolved(path: str, depth: int = 16) -> str:
    """An absolute path of the old root with all links followed inside it."""
    done = ""
    rest = path.strip("/").split("/")
    while rest:
        part = rest.pop(0)
        if part in {"", "."}:
            continue
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        here = f"{done}/{part}"
        if depth and Path(f"/old{here}").is_symlink():
            depth -= 1
            target = str(Path(f"/old{here}").readlink())
            done = "" if target.startswith("/") else done
            rest = [*target.strip("/").split("/"), *rest]
        else:
            done = here
    return done


def _writable(size: int, uid: int, files: str | None) -> None:
    """One file system in memory, of a fixed size, behind all that can be written to."""
    Path("/own").mkdir()
    options = f"size={size},nr_inodes={_MAX_FILES},mode=755"
    linux.mount("none", "/own", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
    gid = uid
    if os.geteuid() != 0:
        uid, gid = -1, -1  # it is ours already
    for place in _OWN:
        own = Path("/own", place.replace("/", "-"))
        own.mkdir(mode=0o700)
        os.chown(own, uid, gid)
        Path("/new", place).mkdir(parents=True, exist_ok=True)
        linux.mount(str(own), f"/new/{place}", flags=linux.MS_BIND)
    home = Path(f"/new{HOME}")
    home.mkdir(mode=0o700)
    if files:
        copy_files(f"/old{_resolved(files)}", home, uid, gid)
    os.chown(home, uid, gid)


def _terminals() -> None:
    """Pseudo-terminals of its own, which IPython starts programs on."""
    Path("/new/dev/pts").mkdir()
    options = "newinstance,ptmxmode=0666,mode=0600,max=16"
    with contextlib.suppress(OSError):  # without them, `!command` fails and all else works
        linux.mount("none", "/new/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)
        Path("/new/dev/ptmx").symlink_to("pts/ptmx")


def copy_files(source: str, target: Path, uid: int, gid: int) -> None:
    """Copy a folder's plain files, and those of its folders; links and devices stay behind."""
    for entry in os.scandir(source):
        kind = entry.stat(follow_symlinks=False).st_mode
        made = target / entry.name
        if stat.S_ISDIR(kind):
            made.mkdir(mode=0o700)
            copy_files(entry.path, made, uid, gid)
        elif stat.S_ISREG(kind):
            shutil.copyfile(entry.path, made, follow_symlinks=False)
        else:
            continue
        os.chown(made, uid, gid)


def _processes() -> None:
    """A /proc that shows the new process table alone; without one where this machine refuses it."""
    Path("/new/proc").mkdir()
    with contextlib.suppress(PermissionError):
        linux.mount("none", "/new/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def _loopback() -> None:
    """Let programs in the sandbox talk to each other over 127.0.0.1, which is theirs alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
