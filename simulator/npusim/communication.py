"""How long a collective takes: rings and meshes over HCCS within a server, RoCE between servers.

Ranks of one server are connected each with each (mesh): every rank sends every other its share at once.
Where chips have no HCCS the host's link carries the shares one after the other (ring). Servers form a ring
over RoCE of what each server has combined. Each step costs the start of two tasks: a copy, and the wait for
its notification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import number, of_chip
from npusim.exceptions import InvalidArgumentError

if TYPE_CHECKING:
    from npusim.chips import Chip

# collective: (steps within a group of n ranks in units of n - 1, for the ring; rounds, for the mesh)
PASSES = {
    "all_reduce": 2,
    "all_gather": 1,
    "reduce_scatter": 1,
    "broadcast": 2,  # scattered, then gathered
    "all_to_all": 1,
}
SERVER = 8


def communication_ns(chip: Chip, kind: str, nbytes: int, ranks: int, servers: int = 1) -> int:
    """Nanoseconds of a collective, the same for every rank.

    Args:
        chip: of every rank.
        kind: "all_reduce", "all_gather", "reduce_scatter", "broadcast", "all_to_all" or "send".
        nbytes: bytes of the whole buffer: what is reduced or broadcast, what all ranks gather together, or
            what one rank sends.
        ranks: how many take part.
        servers: how many servers they are spread over, evenly.

    Raises:
        InvalidArgumentError: unknown kind, a negative size, or ranks that do not fill the servers.
    """
    if kind != "send" and kind not in PASSES:
        raise InvalidArgumentError(f"{kind!r} is not simulated; use {', '.join([*PASSES, 'send'])}.")
    if nbytes < 0 or ranks < 1 or servers < 1 or ranks % servers or ranks // servers > SERVER:
        raise InvalidArgumentError(
            f"{kind} of {nbytes} bytes over {ranks} ranks on {servers} servers was asked for; a "
            "server has 1 to "
            f"{SERVER} ranks, all servers the same number, and a size is not negative."
        )
    step = 2 * number("task_overhead_ns")
    if kind == "send":
        return round(step + nbytes / (_link(chip) if servers == 1 else number("roce_bandwidth")))
    local = ranks // servers
    time = _within(chip, kind, nbytes, local, step) if local > 1 else 0.0
    if servers > 1:
        # each rank of a server talks to its counterparts about its share
        shares = PASSES[kind] * (servers - 1)
        time += shares * (nbytes / local / servers / number("roce_bandwidth") + step)
    return round(time) if ranks > 1 else round(number("task_overhead_ns"))


def has_hccs(chip: Chip) -> bool:
    """Whether the chip has links of its own to others."""
    return of_chip("hccs_link", chip) is not None


def _link(chip: Chip) -> float:
    """Bytes per nanosecond and direction between two chips of a server."""
    return of_chip("hccs_link", chip) or number("pcie_bandwidth")


def _within(chip: Chip, kind: str, nbytes: int, ranks: int, step: float) -> float:
    share = nbytes / ranks
    rounds = PASSES[kind] if has_hccs(chip) else PASSES[kind] * (ranks - 1)
    return rounds * (share / _link(chip) + step)
