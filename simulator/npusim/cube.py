"""The Cube: how a matrix product is padded, cut up among cores and fed.

A (m, k, n) product becomes fractals of 16 x 16 (k: 32 for int8). Cores share the m and n fractals in a
rectangular grid. The Cube finishes one fractal product a cycle as long as L0A and L0B are filled in time: a
row of fractals that is used for few columns waits for its load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.rates import rates

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.rates import Rates


class Tile(NamedTuple):
    """How one core works through its part of a product, tile by tile.

    Attributes:
        m: fractals of a tile's rows; L0C holds a tile of m x n fractals of results twice.
        n: fractals of a tile's columns.
        cube: cycles that the Cube multiplies.
        load_a: cycles that L0A is filled from L1.
        load_b: cycles that L0B is filled from L1.
    """

    m: int
    n: int
    cube: int
    load_a: float
    load_b: float

    @property
    def cycles(self) -> float:
        """The Cube multiplies while the next fractals are loaded: the slowest of the three."""
        return max(float(self.cube), self.load_a, self.load_b)


def fractal(chip: Chip, dtype: str) -> tuple[int, int, int]:
    """(m, k, n) of what the Cube finishes in one cycle for a dtype.

    32-bit floats take four cycles for what half precision does in one (published for the 910B: 75 of 300
    TFLOPS).
    """
    m, k, n = chip.cube_int8 if dtype in {"int8", "uint8"} else chip.cube_fp16
    if dtype in {"float32", "float64", "int32"}:
        return m, max(1, k // 4), n
    return m, k, n


# The way to cut a product up among cores that takes the least time: whole products that the busiest core
# computes, one after the other; fractals of the results' rows and columns that it computes, for one product;
# and how many cores have work.
Cut = tuple[int, int, int, int]
# What one piece of a product costs, in nanoseconds, and what all that there are cost (what pads them is
# computed but not moved): the Cube for one fractal product; the Vector unit for one fractal of results;
# loading a row of fractals of the left operand, and all rows; a column of the right one, and all; loading for
# a fractal of results; storing one, and all; storing for a row of fractals, and all; and the memory, for
# everything.
Demand = tuple[float, float, float, float, float, float, float, float, float, float, float, float]
# nanoseconds of all units together; of the Cube, the Vector unit, the loads, the stores and the memory
Work = tuple[float, float, float, float, float, float]


def best_cut(rates: Rates, blocks: tuple[int, int, int, int], demand: Demand) -> tuple[Cut, Work]:
    """How the cores share a product so that it takes the least time, and that time.

    The loop runs for every product of a shape that was never seen, and up to some dozen times for each.

    Args:
        rates: of the chip.
        blocks: products, and m, k and n of each in fractals.
        demand: what a piece of it costs.
    """
    batch, mb, kb, nb = blocks
    cube, result, row, rows, column, columns, extra, write, writes, write_row, write_rows, memory = demand
    hidden, calm = rates.hidden, rates.calm
    cube *= kb
    # no cut takes less than this for a fractal of results of the busiest core, and this for the memory
    least = (1 - hidden) * max(cube, result) + hidden * (cube + result)
    base = hidden * memory
    best = INFINITE
    for products, cuts in _ways(rates, batch) if batch > 1 else rates.whole:
        for split_m, split_n in cuts:
            m, n = -(-mb // split_m), -(-nb // split_n)
            left, right, results = m * products * row, n * products * column, m * n * products
            if left > rows:
                left = rows
            if right > columns:
                right = columns
            loads = left + right
            if loads >= best or results * least + hidden * loads + base >= best:
                continue
            loads += results * extra
            multiplies, drains = results * cube, results * result
            if m < calm:
                multiplies *= _waiting(rates, m, n)
            stores = results * write
            if stores > writes:
                stores = writes
            if write_row:
                stores += min(m * products * write_row, write_rows)
            worst = multiplies if multiplies > loads else loads
            if drains > worst:
                worst = drains
            if stores > worst:
                worst = stores
            if memory > worst:
                worst = memory
            work = worst + hidden * (multiplies + drains + loads + stores + memory - worst)
            if work < best:
                best, part = work, (products, m, n)
                units = (work, multiplies, drains, loads, stores, memory)
    products, m, n = part
    return (products, m, n, -(-batch // products) * -(-mb // m) * -(-nb // n)), units


INFINITE = float("inf")


def _waiting(rates: Rates, m: int, n: int) -> float:
    """How many times longer than the Cube multiplies m x n fractals of results it waits for its operands."""
    tile_m, tile_n = _tile(rates.tile_room, m, n)
    return max(1.0, rates.wait_a * -(-n // tile_n) / n, rates.wait_b * -(-m // tile_m) / m)


def _ways(rates: Rates, batch: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """Whole products that the busiest core gets, and how the cores of each can cut it up."""
    found, before = [], 0
    for split in range(1, min(batch, rates.cubes) + 1):
        products = -(-batch // split)
        if products != before:
            found.append((products, rates.cuts[rates.cubes // split]))
            before = products
    return found


def tile(chip: Chip, mb: int, kb: int, nb: int) -> Tile:
    """How one core works through mb x kb x nb fractals."""
    of_chip = rates(chip)
    m, n = _tile(of_chip.tile_room, mb, nb)
    load_a = mb * kb * -(-nb // n) * of_chip.wait_a
    load_b = nb * kb * -(-mb // m) * of_chip.wait_b
    return Tile(m, n, mb * kb * nb, load_a, load_b)


def _tile(room: int, mb: int, nb: int) -> tuple[int, int]:
    """The squarest tile of results that L0C holds twice."""
    n = min(max(nb, 1), max(1, int(room**0.5)))
    m = max(1, min(mb, room // n))
    return m, min(max(nb, 1), max(1, room // m))
