"""communication.json and communication_matrix.json: what collectives moved over which links.

Structure and names are those that torch_npu's profiler writes (Ascend/pytorch,
torch_npu/profiler/analysis/prof_view/_communication_parser.py) and msprof-analyze reads. Sizes are MB of a
million bytes. On virtual time all ranks arrive together: nobody waits for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from npusim.communication import POINT_TO_POINT, has_hccs, hcom_name, traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.chips import Chip
    from npusim.communication import Traffic
    from npusim.profiler_tables import Step
    from npusim.records import Record

Info = dict[str, Any]
TOTAL = "Total Op Info"
TIMES = "Communication Time Info"
BANDWIDTHS = "Communication Bandwidth Info"
TRANSPORTS = ("RDMA", "HCCS", "PCIE", "SDMA", "SIO")
LARGE = 1 << 20  # bytes; what msprof calls a large packet
_P2P = frozenset(hcom_name(kind) for kind in POINT_TO_POINT)
_KINDS = {
    hcom_name(kind): kind
    for kind in (
        "all_reduce",
        "all_gather",
        "reduce_scatter",
        "broadcast",
        "reduce",
        "gather",
        "scatter",
        "all_to_all",
        "barrier",
        *POINT_TO_POINT,
    )
}


def communication_report(chip: Chip, records: Sequence[Record], steps: Sequence[Step] = ()) -> Info:
    """communication.json: by step, point to point and collective, each operator's times and bandwidths."""
    return {
        step: {side: _with_total(chip, found) for side, found in _sides(listed).items()}
        for step, listed in _by_step(records, steps).items()
    }


def communication_matrix(
    chip: Chip, records: Sequence[Record], steps: Sequence[Step] = (), rank: int = 0
) -> Info:
    """communication_matrix.json: the same by link from this rank to each other."""
    return {
        step: {side: _links(chip, found, max(rank, 0)) for side, found in _sides(listed).items()}
        for step, listed in _by_step(records, steps).items()
    }


def _by_step(records: Sequence[Record], steps: Sequence[Step]) -> dict[str, list[tuple[str, Record]]]:
    """Collectives with the names that the profiler gives them: kind, group, running number."""
    numbers: dict[str, int] = {}
    found: dict[str, list[tuple[str, Record]]] = {f"step{s.number}": [] for s in steps} or {"step": []}
    for record in records:
        if record.category != "collective":
            continue
        group = str(record.task.ranks * 1000 + record.task.servers)
        number = numbers[group] = numbers.get(group, -1) + 1
        name = f"{record.name}__{group[-3:]}_{number}_1@{group}"
        for step in steps:
            if step.begin <= record.launched < step.end:
                found[f"step{step.number}"].append((name, record))
        if not steps:
            found["step"].append((name, record))
    return found


def _sides(listed: list[tuple[str, Record]]) -> dict[str, list[tuple[str, Record]]]:
    return {
        "p2p": [pair for pair in listed if pair[1].name in _P2P],
        "collective": [pair for pair in listed if pair[1].name not in _P2P],
    }


def _traffic(chip: Chip, record: Record) -> Traffic:
    task = record.task
    return traffic(chip, _KINDS[record.name], task.nbytes, task.ranks, task.servers)


def _with_total(chip: Chip, listed: list[tuple[str, Record]]) -> Info:
    found: Info = {name: _operator(chip, record) for name, record in listed}
    if not found:
        return {}
    times = {key: sum(op[TIMES][key] for op in found.values()) for key in _DURATIONS}
    bandwidths = {}
    for transport in TRANSPORTS:
        parts = [op[BANDWIDTHS][transport] for op in found.values()]
        sizes: dict[str, list[float]] = {}
        for part in parts:
            for size, (count, took) in part["Size Distribution"].items():
                before = sizes.get(size, [0, 0.0])
                sizes[size] = [before[0] + count, before[1] + took]
        size, took = (sum(part[key] for part in parts) for key in ("Transit Size(MB)", "Transit Time(ms)"))
        bandwidths[transport] = _bandwidth(size, took, sizes)
    return {**found, TOTAL: {TIMES: {**times, **_RATIOS}, BANDWIDTHS: bandwidths}}


_DURATIONS = (
    "Elapse Time(ms)",
    "Transit Time(ms)",
    "Wait Time(ms)",
    "Synchronization Time(ms)",
    "Idle Time(ms)",
)
_RATIOS = {"Wait Time Ratio": 0, "Synchronization Time Ratio": 0}


def _operator(chip: Chip, record: Record) -> Info:
    sent = _traffic(chip, record)
    took = record.duration / 1e6
    near, far = sent.rounds * sent.links * sent.share, sent.far_rounds * sent.far_share
    whole = near + far
    near_ms, far_ms = (took * part / whole if whole else 0 for part in (near, far))
    own = "HCCS" if has_hccs(chip) else "PCIE"
    moved = {
        own: (near, near_ms, sent.rounds * sent.links, sent.share),
        "SDMA": (near, near_ms, sent.rounds * sent.links, sent.share),
        "RDMA": (far, far_ms, sent.far_rounds, sent.far_share),
    }
    transit = near_ms + far_ms
    durations = dict(zip(_DURATIONS, (took, transit, 0, 0, took - transit), strict=True))
    return {
        TIMES: {"Start Timestamp(us)": record.start / 1000, **durations, **_RATIOS},
        BANDWIDTHS: {name: _transport(*moved.get(name, (0, 0, 0, 0))) for name in TRANSPORTS},
    }


def _transport(nbytes: float, took: float, packets: int, packet: float) -> Info:
    sizes = {f"{packet / 1e6:g}": [packets, took]} if nbytes else {}
    return _bandwidth(nbytes / 1e6, took, sizes)


def _bandwidth(size: float, took: float, sizes: dict[str, list[float]]) -> Info:
    packets = sum(count for count, _ in sizes.values())
    large = sum(count for size_mb, (count, _) in sizes.items() if float(size_mb) * 1e6 >= LARGE)
    return {
        "Transit Size(MB)": size,
        "Transit Time(ms)": took,
        "Bandwidth(GB/s)": round(size / took, 4) if took else 0,
        "Large Packet Ratio": round(large / packets, 4) if packets else 0,
        "Size Distribution": sizes,
    }


def _links(chip: Chip, listed: list[tuple[str, Record]], rank: int) -> Info:
    """Per kind and group the fastest, middle and slowest operator on each link, and all together."""
    groups: dict[tuple[str, str], dict[str, list[Info]]] = {}
    for name, record in listed:
        whole, group = name.split("@")
        kind = record.name.removeprefix("hcom_").lower()
        for link, info in _peers(chip, record, rank).items():
            into = groups.setdefault((kind, group), {}).setdefault(link, [])
            into.append({**info, "Op Name": whole})
    found: Info = {}
    for (kind, group), links in groups.items():
        for link, infos in links.items():
            infos.sort(key=lambda info: -info["Bandwidth(GB/s)"])
            size, took = (sum(i[key] for i in infos) for key in ("Transit Size(MB)", "Transit Time(ms)"))
            total = _link(infos[0]["Transport Type"], size, took)
            ranked = {
                "top1": infos[0],
                "middle": infos[len(infos) // 2],
                "bottom1": infos[-1],
                "total": total,
            }
            for place, info in ranked.items():
                found.setdefault(f"{kind}-{place}@{group}", {})[link] = info
    return found


def _peers(chip: Chip, record: Record, rank: int) -> dict[str, Info]:
    """What this rank sends to each other of the group: over the server's links, and over the network."""
    sent, task = _traffic(chip, record), record.task
    local = task.ranks // task.servers
    first = rank // local * local
    took = record.duration / 1e6
    peers = [first + i for i in range(local) if first + i != rank]
    if sent.links < len(peers):  # a ring: only the next one
        peers = [first + (rank - first + 1) % local]
    size = sent.rounds * sent.share / 1e6
    own = "HCCS" if has_hccs(chip) else "PCIE"
    found = {f"{rank}-{peer}": _link(own, size, took) for peer in peers if sent.rounds}
    if sent.far_rounds:
        after = (rank + local) % task.ranks
        found[f"{rank}-{after}"] = _link("RDMA", sent.far_rounds * sent.far_share / 1e6, took)
    return found


def _link(transport: str, size: float, took: float) -> Info:
    return {
        "Transport Type": transport,
        "Transit Size(MB)": size,
        "Transit Time(ms)": took,
        "Bandwidth(GB/s)": round(size / took, 4) if took else 0,
    }
