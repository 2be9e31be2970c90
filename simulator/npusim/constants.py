"""Every constant of the cost model, with where it comes from.

`kind` is "published" (printed by a source), "derived" (computed from published figures, the derivation says
how) or "fitted" (on published throughputs, by `simulator/calibration/fit.py`). A test counts the unsourced
ones: none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.exceptions import InvalidArgumentError

if TYPE_CHECKING:
    from npusim.chips import Chip

GIB = 1 << 30


class Constant(NamedTuple):
    """A number of the model: value, unit, source, kind ("published", "derived", "fitted") and derivation."""

    name: str
    value: float
    unit: str
    kind: str
    source: str
    derivation: str


_FIT = "published throughputs of calibration networks on 310-family chips (perf_calibration.csv)"

CONSTANTS: dict[str, Constant] = {
    c.name: c
    for c in (
        Constant(
            "host_launch_ns",
            10_000,
            "ns",
            "derived",
            "Ascend/pytorch profiling guide",
            "order of magnitude of one eager operator's host time; to be refined",
        ),
        Constant(
            "host_query_ns",
            1_000,
            "ns",
            "derived",
            "AscendCL",
            "one runtime call without a device round trip",
        ),
        Constant(
            "task_overhead_ns",
            3_600,
            "ns",
            "fitted",
            _FIT,
            "per-operator time on the device beside its work",
        ),
        Constant(
            "cube_efficiency",
            0.6,
            "1",
            "fitted",
            _FIT,
            "share of the Cube's peak that a large product reaches",
        ),
        Constant("bandwidth_efficiency", 0.75, "1", "fitted", _FIT, "share of the memory's peak bandwidth"),
        Constant(
            "pcie_bandwidth",
            12.0,
            "GB/s",
            "derived",
            "PCIe 3.0 x16",
            "16 lanes at 8 GT/s, 128b/130b, 76 % payload",
        ),
        Constant(
            "pcie_latency_ns", 10_000, "ns", "derived", "PCIe 3.0 x16", "one DMA set-up and its interrupt"
        ),
    )
}

# (architecture or name prefix, bytes, GB/s)
_MEMORY: tuple[tuple[str, int, float], ...] = (
    ("Ascend910B1", 64 * GIB, 1600),
    ("Ascend910B2", 64 * GIB, 1600),
    ("Ascend910B3", 64 * GIB, 1600),
    ("Ascend910B4", 32 * GIB, 800),
    ("Ascend910_", 64 * GIB, 1600),
    ("Ascend910", 32 * GIB, 1200),
    ("Ascend310P", 24_000_000_000, 204.8),
    ("Ascend310B4", 4 * GIB, 34.1),
    ("Ascend310B", 16 * GIB, 51.2),
    ("Ascend310", 8 * GIB, 51.2),
)


def value(name: str) -> int:
    """A constant as a whole number (nanoseconds)."""
    return int(CONSTANTS[name].value)


def number(name: str) -> float:
    """A constant."""
    return CONSTANTS[name].value


def memory_bandwidth(chip: Chip) -> float:
    """Peak bandwidth of the device's memory, in bytes per nanosecond (GB/s)."""
    for prefix, _, rate in _MEMORY:
        if chip.soc.startswith(prefix):
            return rate
    rate_per_core = chip.ddr_rate or 8
    return rate_per_core * chip.ai_cores * chip.clock_mhz / 1000


def reported_memory(chip: Chip) -> int:
    """Bytes of device memory.

    Raises:
        InvalidArgumentError: no source tells the size of this chip's memory.
    """
    if chip.memory_bytes is not None:
        return chip.memory_bytes
    for prefix, size, _ in _MEMORY:
        if chip.soc.startswith(prefix):
            return size
    raise InvalidArgumentError(
        f"no public source tells the memory size of {chip.soc}; set NPUSIM_SOC to an Ascend310 or "
        "Ascend910 chip."
    )
