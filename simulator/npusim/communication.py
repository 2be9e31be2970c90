"""How long a collective takes: rings and meshes over HCCS within a server, RoCE between servers.

Ranks of one server are connected each with each (mesh): every rank sends every other its share at once.
Where chips have no HCCS the host's link carries the shares one after the other (ring). Servers form a ring
over RoCE of what each server has combined, each rank with its counterparts. Each step costs the start of two
tasks: a copy, and the wait for its notification. Algorithms and levels are those of HCCL (HCCL_ALGO,
`level0:fullmesh` or `level0:ring` within a server, `level1:ring` between servers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import number, of_chip
from npusim.exceptions import InvalidArgumentError

if TYPE_CHECKING:
    from npusim.chips import Chip

# collective: how often every rank's share goes round
PASSES = {
    "all_reduce": 2,  # scattered while it is reduced, then gathered
    "all_gather": 1,
    "reduce_scatter": 1,
    "broadcast": 2,  # scattered, then gathered
    "reduce": 2,  # scattered while it is reduced, then gathered by the root
    "gather": 1,
    "scatter": 1,
    "all_to_all": 1,
    "barrier": 2,
}
POINT_TO_POINT = ("send", "receive")
ALGORITHMS = ("auto", "mesh", "ring")
SERVER = 8


class Traffic(NamedTuple):
    """What one rank sends in a collective.

    Attributes:
        rounds: steps within the server, one after the other.
        links: peers that it sends to at once in each of them.
        share: bytes to each peer in each step.
        far_rounds: steps between servers.
        far_share: bytes in each of those.
    """

    rounds: int
    links: int
    share: float
    far_rounds: int
    far_share: float


def communication_ns(  # noqa: PLR0913, PLR0917 - what decides a collective's time
    chip: Chip, kind: str, nbytes: int, ranks: int, servers: int = 1, algorithm: str = "auto"
) -> int:
    """Nanoseconds of a collective, the same for every rank.

    Args:
        chip: of every rank.
        kind: "all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce", "gather", "scatter",
            "all_to_all", "barrier", "send" or "receive".
        nbytes: bytes of the whole buffer: what is reduced or broadcast, what all ranks gather together, or
            what one rank sends in all.
        ranks: how many take part.
        servers: how many servers they are spread over, evenly.
        algorithm: within a server: "mesh", "ring", or "auto" for what the chip's links allow.

    Raises:
        InvalidArgumentError: unknown kind or algorithm, a negative size, or ranks that do not fill the
            servers.
    """
    sent = traffic(chip, kind, nbytes, ranks, servers, algorithm)
    if not sent.rounds and not sent.far_rounds:
        return round(number("task_overhead_ns"))
    step = 2 * number("task_overhead_ns")
    near = sent.rounds * (sent.share / link_bandwidth(chip) + step)
    far = sent.far_rounds * (sent.far_share / number("roce_bandwidth") + step)
    return round(near + far)


def traffic(  # noqa: PLR0913, PLR0917 - the same as above
    chip: Chip, kind: str, nbytes: int, ranks: int, servers: int = 1, algorithm: str = "auto"
) -> Traffic:
    """What one rank sends; arguments and errors are those of `communication_ns`."""
    _check(kind, nbytes, ranks, servers, algorithm)
    if kind in POINT_TO_POINT:
        return Traffic(1, 1, nbytes, 0, 0.0) if servers == 1 else Traffic(0, 0, 0.0, 1, nbytes)
    local = ranks // servers
    mesh = has_hccs(chip) if algorithm == "auto" else algorithm == "mesh"
    passes = PASSES[kind]
    size = 0 if kind == "barrier" else nbytes
    # what goes to one rank of another server goes there directly; everything else is combined first
    direct = kind == "all_to_all"
    share = size / ranks if direct else size / local
    far_share = size / servers if direct else size / local / servers
    rounds = 0 if local == 1 else passes if mesh else passes * (local - 1)
    return Traffic(rounds, local - 1 if mesh else 1, share, passes * (servers - 1), far_share)


def hcom_name(kind: str) -> str:
    """A collective as HCCL's own functions and the profiler call it: hcom_allReduce, hcom_alltoall."""
    first, *rest = kind.split("_")
    camel = "alltoall" if kind == "all_to_all" else first + "".join(part.capitalize() for part in rest)
    return f"hcom_{camel}"


def has_hccs(chip: Chip) -> bool:
    """Whether the chip has links of its own to others."""
    return of_chip("hccs_link", chip) is not None


def link_bandwidth(chip: Chip) -> float:
    """Bytes per nanosecond and direction between two chips of a server."""
    return of_chip("hccs_link", chip) or number("pcie_bandwidth")


def _check(kind: str, nbytes: int, ranks: int, servers: int, algorithm: str) -> None:
    if kind not in PASSES and kind not in POINT_TO_POINT:
        raise InvalidArgumentError(f"{kind!r} is not simulated; use {', '.join([*PASSES, *POINT_TO_POINT])}.")
    if algorithm not in ALGORITHMS:
        raise InvalidArgumentError(
            f"the algorithm {algorithm!r} is not simulated; use {', '.join(ALGORITHMS)}."
        )
    if nbytes < 0 or ranks < 1 or servers < 1 or ranks % servers or ranks // servers > SERVER:
        raise InvalidArgumentError(
            f"{kind} of {nbytes} bytes over {ranks} ranks on {servers} servers was asked for; a "
            f"server has 1 to {SERVER} ranks, all servers the same number, and a size is not negative."
        )
