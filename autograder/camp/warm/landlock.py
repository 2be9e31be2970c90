"""Landlock: the files that a process may touch, by allow-list, without any privilege.

Source: landlock(7) and linux/landlock.h. Newer kernels handle more; what is asked for is cut down to what the
running one knows.
"""

from __future__ import annotations

import ctypes
import os
import stat
from typing import TYPE_CHECKING

from camp.warm import linux

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
# How many file rights each version of Landlock knows, version 1 first.
_FILE_BITS = (13, 14, 15, 15, 16)
_NET_VERSION, _NET_RIGHTS = 4, 3
SCOPE_VERSION, _SCOPES = 6, 3

READ, WRITE = _EXECUTE | _READ_FILE | _READ_DIR, (1 << 16) - 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this Linux has.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return linux.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process, and all it starts, these files, no TCP, and signals among themselves.

    The last two where this Linux's Landlock knows them (versions 4 and 6). Needs no_new_privs.
    """
    has = version()
    handled = (1 << _FILE_BITS[min(has, len(_FILE_BITS)) - 1]) - 1
    rules = _Ruleset(
        files=handled,
        network=_NET_RIGHTS if has >= _NET_VERSION else 0,
        scoped=_SCOPES if has >= SCOPE_VERSION else 0,
    )
    # An older kernel accepts the longer structure as long as what it does not know is zero.
    ruleset = linux.syscall(
        _CREATE, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), ctypes.c_uint32(0)
    )
    try:
        for paths, rights in ((readable, READ), (writable, WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        linux.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _FILE_RIGHTS
        rule = _PathBeneath(allowed=rights, parent=opened)
        linux.syscall(
            _ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        )
    finally:
        os.close(opened)
