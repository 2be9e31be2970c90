"""What a chip's units do in a nanosecond: the constants of the cost model multiplied out, once for each chip.

Every operator with a shape that was never seen is priced anew, so what depends on the chip alone is not
computed again each time. A change of a constant or a chip that nobody has priced yet makes new ones.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from npusim.constants import CONSTANTS, memory_bandwidth, number

if TYPE_CHECKING:
    from npusim.chips import Chip

REPEATS = 16
L0C_ELEMENT = 4  # L0C accumulates in 32 bits
DOUBLE_BUFFER = 2


def l2_bandwidth(chip: Chip) -> tuple[float, float]:
    """Bytes per nanosecond that one core loads from L2 and stores to it.

    Chips whose file is silent move what a 910B's core does.
    """
    clock = chip.clock_mhz / 1000
    return (chip.l2_rate or 110) * clock, (chip.ub_to_l2_rate or 64) * clock


class Rates:
    """The rates of one chip.

    Attributes:
        chip: whose.
        split: whether Cube and Vector are cores of their own.
        cubes: cores with a Cube.
        vectors: cores with a Vector unit.
        overhead: nanoseconds of a task beside its work.
        hidden: the share of the faster resources' time that the slowest does not hide.
        memory: bytes a nanosecond of the memory.
        load: bytes a nanosecond from L2 to a core.
        store: bytes a nanosecond from a core to L2.
        line: nanoseconds for which a core loads one line of the memory.
        l2_room: bytes that pass through L2 before something is displaced.
        l2_falloff: exponent with which hits fall beyond that.
        run: half-precision elements that are dealt out to the vector cores together.
        vector: instructions on half-precision elements a nanosecond of one vector core.
        beside: the same for the vector cores that stand beside one Cube core.
        cube: cycles a nanosecond of a Cube, on products.
        depthwise: the same on convolutions in groups.
        drain: elements a nanosecond that leave L0C.
        tile_room: fractals of results of which L0C holds two sets.
        wait_a: cycles of loading one fractal into L0A.
        wait_b: cycles of loading one fractal into L0B.
        calm: rows of fractals of results from which the Cube never waits for L0A and L0B.
        whole: the same as `cuts`, for one product on all cores.
        cuts: ways to deal out m x n fractals to some number of cores (the index).
    """

    __slots__ = (
        "beside",
        "calm",
        "chip",
        "cube",
        "cubes",
        "cuts",
        "depthwise",
        "drain",
        "hidden",
        "l2_falloff",
        "l2_room",
        "line",
        "load",
        "memory",
        "overhead",
        "run",
        "split",
        "store",
        "tile_room",
        "vector",
        "vectors",
        "wait_a",
        "wait_b",
        "whole",
    )

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.split, self.cubes, self.vectors = chip.split, chip.cubes, chip.vectors
        self.overhead, self.hidden = number("task_overhead_ns"), 1 - number("overlap")
        self.memory = memory_bandwidth(chip) * number("memory_efficiency")
        self.load, self.store = (rate * number("l2_efficiency") for rate in l2_bandwidth(chip))
        self.line = number("line_bytes") / l2_bandwidth(chip)[0]
        self.l2_room, self.l2_falloff = chip.l2_bytes * number("l2_room"), number("l2_falloff")
        self._compute(chip)
        fm, fk, fn = chip.cube_fp16
        self.tile_room = max(1, chip.l0c_bytes // (fm * fn * L0C_ELEMENT) // DOUBLE_BUFFER)
        self.wait_a = 2 * fk * fm / (chip.l1_to_l0a_rate or 512)
        self.wait_b = 2 * fk * fm / (chip.l1_to_l0b_rate or 256)
        self.cuts = [_cuts(cores) for cores in range(chip.cubes + 1)]
        self.whole = [(1, self.cuts[-1])]
        self.calm = self._calm()

    def _compute(self, chip: Chip) -> None:
        clock, vector_clock = chip.clock_mhz / 1000, (chip.vector_clock_mhz or chip.clock_mhz) / 1000
        self.run = chip.vector_lanes * REPEATS
        self.vector = chip.vector_lanes * vector_clock * number("vector_efficiency")
        self.beside = self.vector * self.vectors / self.cubes
        self.cube, self.depthwise = clock * number("cube_efficiency"), clock * number("depthwise_efficiency")
        # results leave L0C in 32 bits; a rectifier is applied on that way
        self.drain = (chip.l0c_to_ub_rate or 256) / L0C_ELEMENT * clock

    def _calm(self) -> int:
        if self.wait_a > 1:
            return sys.maxsize
        rows = max(1, self.tile_room // max(1, int(self.tile_room**0.5)))  # of the squarest tile
        waits = [m for m in range(1, 4 * rows + 4) if self.wait_b * -(-m // min(m, rows)) > m]
        return max(waits, default=0) + 1


def _cuts(cores: int) -> list[tuple[int, int]]:
    """(m, n) into which a grid of results may be cut: for each m the largest n that the cores allow.

    A cut into fewer parts along n and as many along m never gives the busiest core less. The squarest come
    first, since they are most often the best.
    """
    found = {cores // n: n for n in range(1, cores + 1)}
    return sorted(found.items(), key=lambda cut: abs(cut[0] - cut[1]))


def hit_share(rates: Rates, distance: float) -> float:
    """The share of some data that L2 still holds after `distance` other bytes went through it."""
    room = rates.l2_room
    return 1.0 if distance <= room else float((room / distance) ** rates.l2_falloff)


class _Known:
    """The rates of the chips that were priced; each holds its chip, so that its id stays its own."""

    def __init__(self) -> None:
        self.of: dict[int, Rates] = {}
        CONSTANTS.dependants.append(self.of.clear)


_known = _Known()
_of = _known.of.get


def rates(chip: Chip) -> Rates:
    """The rates of a chip."""
    found = _of(id(chip))
    if found is None:
        found = _known.of[id(chip)] = Rates(chip)
    return found
