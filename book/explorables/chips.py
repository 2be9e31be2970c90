"""The chips of the simulator as a table and a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import npusim
from npusim.constants import memory_bandwidth, of_chip

from explorables.reference import ACCENT, INK, LINE, QUIET, WARM, axes, plot, table

if TYPE_CHECKING:
    from explorables.reference import Html, Markdown

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNKNOWN = "?"
COLUMNS = (
    "Chip",
    "Cores",
    "GHz",
    "fp16 TFLOP/s",
    "Memory",
    "GB/s",
    "L2 MiB",
    "L1 KiB",
    "L0A/B/C KiB",
    "UB KiB",
)
# One of each kind that a learner meets, and where its name stands beside its point (in points).
MET = {
    "Ascend310": (8, 6),
    "Ascend310B4": (8, -4),
    "Ascend310B1": (8, -12),
    "Ascend310P3": (8, -4),
    "Ascend910A": (-8, 8),
    "Ascend910B3": (8, -4),
    "Ascend910B1": (8, -4),
    "Ascend910B4": (8, -12),
}


def peak_tflops(chip: npusim.Chip) -> float:
    """The Cubes' peak for float16: a multiplication and an addition for each product of a cycle."""
    m, k, n = chip.cube_fp16
    return chip.cubes * chip.clock_mhz * 1e6 * 2 * m * k * n / 1e12


def memory_bytes(chip: npusim.Chip) -> float | None:
    """Capacity of the device's memory, or None where no public source tells it."""
    return chip.memory_bytes or of_chip("memory_bytes", chip)


def has_printed_bandwidth(chip: npusim.Chip) -> bool:
    """Whether the bandwidth goes back to a printed figure, and not to the rate of the chip table."""
    return of_chip("memory_bandwidth", chip) is not None


def _bandwidth(chip: npusim.Chip) -> str:
    if has_printed_bandwidth(chip):
        return f"{memory_bandwidth(chip):.0f}"
    return f"{memory_bandwidth(chip):.0f}&nbsp;\\*" if chip.ddr_rate else UNKNOWN


def _memory(size: float | None) -> str:
    """As its source counts it: in GiB, or in 10^9 bytes."""
    if not size:
        return UNKNOWN
    return f"{size / GIB:.0f} GiB" if size % GIB == 0 else f"{size / 1e9:.0f} GB"


def _cells(chip: npusim.Chip) -> tuple[str, ...]:
    cores = f"{chip.cubes}+{chip.vectors}" if chip.split else str(chip.ai_cores)
    level0 = "/".join(str(size // KIB) for size in (chip.l0a_bytes, chip.l0b_bytes, chip.l0c_bytes))
    return (
        chip.soc,
        cores,
        f"{chip.clock_mhz / 1000:.2f}",
        f"{peak_tflops(chip):.1f}",
        _memory(memory_bytes(chip)),
        _bandwidth(chip),
        f"{chip.l2_bytes / MIB:.0f}" if chip.l2_bytes else UNKNOWN,
        f"{chip.l1_bytes // KIB}" if chip.l1_bytes else UNKNOWN,
        level0 if chip.l0a_bytes else UNKNOWN,
        f"{chip.ub_bytes // KIB}",
    )


def chip_table() -> Markdown:
    """Every chip of the simulator's table: those that learners meet, then the small ones."""
    names = sorted(npusim.chip_names(), key=lambda name: not name.startswith(("Ascend3", "Ascend9")))
    return table(COLUMNS, (_cells(npusim.find_chip(name)) for name in names), numbers_from=1)


def chip_plot() -> Html:
    """Peak against memory bandwidth of the chips that a learner meets."""
    figure, drawn = axes(7.6, 4.6)
    ends = (15.0, 3000.0)
    for ratio in (100, 200, 400):
        drawn.plot(ends, [ratio * end / 1000 for end in ends], color=LINE, linestyle="--", linewidth=1.2)
        drawn.annotate(
            f"{ratio} per byte",
            (330, ratio * 0.33),
            xytext=(0, 3),
            textcoords="offset points",
            color=QUIET,
            fontsize=10,
            rotation=32,
            rotation_mode="anchor",
        )
    for name, place in MET.items():
        chip = npusim.find_chip(name)
        at = (memory_bandwidth(chip), peak_tflops(chip))
        serves = name.startswith("Ascend310")
        drawn.plot(*at, "o" if serves else "s", color=ACCENT if serves else WARM, markersize=8)
        drawn.annotate(
            name.removeprefix("Ascend"),
            at,
            xytext=place,
            textcoords="offset points",
            color=INK,
            ha="left" if place[0] > 0 else "right",
        )
    drawn.set_xlim(*ends)
    drawn.set_ylim(2, 700)
    drawn.set_xlabel("memory bandwidth, GB/s")
    drawn.set_ylabel("peak for float16, TFLOP/s")
    return plot(
        figure,
        "Peak and memory bandwidth of eight chips",
        " ".join(
            f"{name}: {peak_tflops(npusim.find_chip(name)):.0f} TFLOP/s, "
            f"{memory_bandwidth(npusim.find_chip(name)):.0f} GB/s."
            for name in MET
        ),
        "Circles: chips for inference. Squares: chips for training. Along a dashed line a chip can do as "
        "many operations for each byte that it fetches.",
    )
