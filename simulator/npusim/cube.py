"""The Cube: how a matrix product is padded, cut up among cores and fed.

A (m, k, n) product becomes fractals of 16 x 16 (k: 32 for int8). Cores share the m and n fractals in a
rectangular grid. The Cube finishes one fractal product a cycle as long as L0A and L0B are filled in time: a
row of fractals that is used for few columns waits for its load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from npusim.chips import Chip

L0C_ELEMENT = 4  # L0C accumulates in 32 bits
DOUBLE_BUFFER = 2


class Product(NamedTuple):
    """`batch` products of an (m, k) with a (k, n) matrix of a dtype."""

    batch: int
    m: int
    k: int
    n: int
    dtype: str


class Share(NamedTuple):
    """What the busiest core gets of a product under one way to cut it up.

    Attributes:
        cycles: of the Cube, or of the loads of L0A and L0B where they take longer.
        rows: of the left operand that it reads, over all its products.
        columns: of the right operand that it reads, over all its products.
        results: elements that it writes, padded.
        cores: how many cores have work.
        m: fractals of the results' rows that it computes, for one product.
        n: fractals of the results' columns that it computes, for one product.
    """

    cycles: float
    rows: int
    columns: int
    results: int
    cores: int
    m: int
    n: int


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


def shares(chip: Chip, product: Product) -> list[Share]:
    """Every way to cut a product up among the chip's cores."""
    fm, fk, fn = fractal(chip, product.dtype)
    mb, kb, nb = -(-product.m // fm), -(-product.k // fk), -(-product.n // fn)
    found = []
    for split_batch in _splits(product.batch, chip.cubes):
        products = -(-product.batch // split_batch)
        rest = chip.cubes // split_batch
        for split_n in _splits(nb, rest):
            split_m = max(1, min(mb, rest // split_n))
            m, n = -(-mb // split_m), -(-nb // split_n)
            found.append(
                Share(
                    products * tile(chip, m, kb, n).cycles,
                    products * m * fm,
                    products * n * fn,
                    products * m * n * fm * fn,
                    split_batch * split_n * split_m,
                    m,
                    n,
                )
            )
    return found


def _splits(items: int, cores: int) -> range:
    """Ways to share items among at most that many cores."""
    return range(1, max(1, min(items, cores)) + 1)


def tile(chip: Chip, mb: int, kb: int, nb: int) -> Tile:
    """How one core works through mb x kb x nb fractals."""
    fm, fk, fn = chip.cube_fp16
    fractal_bytes = 2 * fk * fm
    room = max(1, chip.l0c_bytes // (fm * fn * L0C_ELEMENT) // DOUBLE_BUFFER)
    # the squarest tile of results that L0C holds twice
    tile_n = min(max(nb, 1), max(1, int(room**0.5)))
    tile_m = max(1, min(mb, room // tile_n))
    tile_n = min(max(nb, 1), max(1, room // tile_m))
    load_a = mb * kb * -(-nb // tile_n) * fractal_bytes / (chip.l1_to_l0a_rate or 512)
    load_b = nb * kb * -(-mb // tile_m) * fractal_bytes / (chip.l1_to_l0b_rate or 256)
    return Tile(tile_m, tile_n, mb * kb * nb, load_a, load_b)
