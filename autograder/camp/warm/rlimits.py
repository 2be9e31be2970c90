"""The bounds that Linux keeps for each process, and the uid that makes the number of processes binding.

Source: setrlimit(2), user_namespaces(7).
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camp.warm.limits import Limits

# Memory that is mapped but not private (shared libraries, shared mappings, reserved heaps of threads).
_MAPPED_BYTES = 2 << 30
_SPARE_SECONDS = 2
# Uids that distributions give to nobody: below 2^31, above all ranges of containers and domains in use.
_FIRST_UID, _UIDS = 0x6000_0000, 0x1000_0000


def restrict(limits: Limits, processes: int) -> None:
    """Bound this process and all it starts, once for all.

    Memory is counted from what the process has already, so that a preloaded PyTorch costs the learner none.
    RLIMIT_DATA counts private memory; RLIMIT_AS, more generous, bounds shared mappings too.

    Args:
        limits: the bounds.
        processes: how many processes and threads this process's user may have.
    """
    has = _memory()
    for kind, soft, hard in (
        (resource.RLIMIT_DATA, has["VmData"] + limits.memory_bytes, None),
        (resource.RLIMIT_AS, has["VmSize"] + limits.memory_bytes + _MAPPED_BYTES, None),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + _SPARE_SECONDS),
        (resource.RLIMIT_FSIZE, limits.file_bytes, None),
        (resource.RLIMIT_NOFILE, limits.open_files, None),
        (resource.RLIMIT_NPROC, processes, None),
        (resource.RLIMIT_MEMLOCK, 0, None),
        (resource.RLIMIT_MSGQUEUE, 0, None),
        (resource.RLIMIT_CORE, 0, None),
    ):
        _lower(kind, soft, soft if hard is None else hard)


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a bound, or leave the one there is where that is tighter already."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _memory() -> dict[str, int]:
    """VmData and VmSize of this process in bytes; 0 where /proc cannot be read."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    found = {
        name: int(rest.split()[0]) << 10
        for name, _, rest in (s.partition(":") for s in lines)
        if name[:2] == "Vm"
    }
    return {"VmData": found.get("VmData", 0), "VmSize": found.get("VmSize", 0)}


def unused_uid(slot: int) -> int:
    """The uid for the `slot`-th kernel of this process: its own while it lives, and nobody else's.

    An ordinary user has no choice: it is their own.

    Raises:
        OSError: this root (of a container, say) has no second uid to change to.
    """
    if os.geteuid() != 0:
        return os.geteuid()
    wanted = (os.getpid() * 256 + slot % 256) % _UIDS
    extents = [
        tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()
    ]
    if any(first <= _FIRST_UID and first + count >= _FIRST_UID + _UIDS for first, _, count in extents):
        return _FIRST_UID + wanted
    first, _, count = max(extents, key=lambda extent: extent[2])
    spare = count // 2
    if spare < 256:  # noqa: PLR2004 - one for each slot
        raise OSError(f"root of this container has only {count} user ids")
    return int(first + count - 1 - wanted % spare)


def processes_of(uid: int) -> int:
    """How many processes and threads a user has now, as far as /proc shows them."""
    total = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                total += sum(1 for _ in os.scandir(f"/proc/{entry.name}/task"))
        except OSError:  # it has ended meanwhile
            continue
    return total
