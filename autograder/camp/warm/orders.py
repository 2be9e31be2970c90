"""What the zygote is asked with: the sockets of a new kernel, and the order to fork it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camp.warm.nursery import KEEP_ENVIRONMENT

if TYPE_CHECKING:
    from camp.warm.limits import Backend, Limits

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
LONGEST_FOLDER = 80
"""A socket's path may have about 107 characters; what is left is for its name."""
START_SECONDS = 30.0
MESSAGE_BYTES = 65_536
"""Size of one message from the keeper or the zygote."""


def address(connection: dict[str, Any], name: str) -> str:
    """The path of the socket of a channel."""
    return f"{connection['ip']}-{connection[f'{name}_port']}"


def listeners(connection: dict[str, Any]) -> list[socket.socket]:
    """The sockets of all channels; who connects is answered once the kernel has them."""
    return [_listen(address(connection, name)) for name in CHANNELS]


def _listen(path: str) -> socket.socket:
    Path(path).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(path)
    made.listen(16)
    return made


def order(  # noqa: PLR0913 - each is a fact about the kernel
    backend: Backend,
    limits: Limits,
    connection: dict[str, Any],
    environment: dict[str, str],
    *,
    files: str | None,
    folder: str,
    seed: int | None,
    arguments: list[str] | None = None,
) -> dict[str, Any]:
    """The order to fork a kernel; see `camp.warm.confine.Cell` for what most of it means.

    Args:
        backend: what is to hold it.
        limits: its bounds.
        connection: what a connection file holds.
        environment: its variables; what merely is in this process's own may be secret, and is left out.
        files: a folder whose files it finds copied into its home folder.
        folder: where that is made, where the back end has no file system of its own.
        seed: of random, NumPy and PyTorch at its first cell.
        arguments: further arguments of the kernel's command line.
    """
    known = {**connection}
    if isinstance(known["key"], bytes):
        known["key"] = known["key"].decode()
    given = {n: v for n, v in environment.items() if n in KEEP_ENVIRONMENT or os.environ.get(n) != v}
    return {
        "backend": backend,
        "limits": limits.to_data(),
        "connection": {name: value for name, value in known.items() if not name.startswith("curve")},
        "environment": given,
        "arguments": arguments or [],
        "files": files,
        "folder": folder,
        "seed": seed,
    }
