"""What a learner's code may use, and what holds it: the settings and the typed answer of the probe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

MIB = 1 << 20


class Backend(StrEnum):
    """What keeps a kernel away from everything else, the strongest first."""

    NAMESPACES = "namespaces"
    """A root folder, network, process table and users of its own, on top of all that Landlock has."""
    BUBBLEWRAP = "bubblewrap"
    """Landlock, inside what the program bwrap may make: a network, process table, IPC and users that the
    kernels of one grader share with each other, and with nobody else."""
    LANDLOCK = "landlock"
    """Landlock for files, seccomp for the rest; the process table and /dev/shm are those of the machine."""
    NONE = "none"
    """Limits only. Used when it is asked for by name, never chosen."""

    @property
    def by_landlock(self) -> bool:
        """Whether it holds files by Landlock, and has no root folder for each kernel."""
        return self in {Backend.BUBBLEWRAP, Backend.LANDLOCK}


@dataclass(frozen=True)
class Limits:
    """Bounds of one kernel, its children included where nothing else is said.

    Attributes:
        memory_bytes: memory beyond what the kernel itself takes; each process is refused more, and all
            of them together are ended when they pass it.
        cpu_seconds: processor time of each process.
        processes: processes and threads at one time; the kernel itself has about eight.
        file_bytes: size of one file.
        disk_bytes: all files together; they live in memory and go with the kernel (namespaces only).
        open_files: open files of each process.
        output_bytes: size of one message from the kernel; a larger one ends the connection.
        readable: folders and files that the learner's code may read besides Python and the simulated device;
            in bubblewrap only what lies in the folder for temporary files can be given so.
    """

    memory_bytes: int = 2048 * MIB
    cpu_seconds: int = 900
    processes: int = 64
    file_bytes: int = 64 * MIB
    disk_bytes: int = 256 * MIB
    open_files: int = 512
    output_bytes: int = 4 * MIB
    readable: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The limits as JSON can carry them."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The limits as `to_data` gave them."""
        return cls(**{**data, "readable": tuple(data.get("readable", ()))})


@dataclass(frozen=True)
class Isolation:
    """What was found when the back ends were tried.

    Attributes:
        backend: the one in use, or None where the machine has none.
        refused: those that were tried in vain, each with the reason.
    """

    backend: Backend | None
    refused: tuple[tuple[Backend, str], ...] = ()

    @property
    def safe(self) -> bool:
        """Whether strangers' code may run in it."""
        return self.backend not in {None, Backend.NONE}

    def __str__(self) -> str:
        """One line for `camp doctor`."""
        reasons = "; ".join(f"no {backend}: {reason}" for backend, reason in self.refused)
        name = "none" if self.backend is None else str(self.backend)
        return f"{name} ({reasons})" if reasons else name
