"""A DaVinci core at a matrix product: how it is cut up, what fills its buffers, which unit decides.

Every figure is the cost model's. The page carries them all, and plain JavaScript (`cube_core.js`) chooses
which are shown: so it moves with no kernel behind it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import npusim
from npusim.constants import number
from npusim.cost_model import chosen_cut
from npusim.cube import fractal, tile
from npusim.rates import L0C_ELEMENT

from explorables.reference import Html

SIZES = (1, 16, 17, 64, 256, 1000, 1024, 4096)
TYPES = ("float16", "int8", "float32")
CHIPS = ("Ascend910B3", "Ascend310P3")
START = {"m": 1000, "k": 1024, "n": 1000}
FRACTAL_BYTES = 512
SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Frame:
    """What a chip does with one product; times in cycles of its AI Core, sizes in bytes or fractals.

    Attributes:
        cores: how many have work.
        core_m: fractals of rows that the busiest core computes.
        core_n: fractals of columns that it computes.
        tile_m: fractals of rows of one tile of results.
        tile_n: fractals of columns of one.
        l1: bytes of the operands that a core keeps in L1.
        l0a: bytes in L0A, twice where the next piece is loaded during the multiplication.
        l0b: the same for L0B.
        l0c: bytes of results in L0C, twice where there are several tiles.
        ub: bytes of the results on their way through UB; 0 where a Cube core has none.
        mte2: the path from L2 to L1.
        mte1: the path from L1 to L0A and L0B, the slower of the two.
        cube: the Cube multiplies, or waits for what MTE1 loads.
        out: results leave L0C, and are converted on the way.
        mte3: the path to L2.
        memory: the device's memory.
        total: from the start of the task to its end.
        ns: the same in nanoseconds.
    """

    cores: int
    core_m: int
    core_n: int
    tile_m: int
    tile_n: int
    l1: int
    l0a: int
    l0b: int
    l0c: int
    ub: int
    mte2: int
    mte1: int
    cube: int
    out: int
    mte3: int
    memory: int
    total: int
    ns: int


def matmul(m: int, k: int, n: int, dtype: str) -> npusim.Op:
    """The product of an (m, k) with a (k, n) matrix."""
    left, right, result = (npusim.TensorSpec(shape, dtype) for shape in ((m, k), (k, n), (m, n)))
    return npusim.Op("MatMulV2", "matmul", [left, right], [result])


def frame(chip: npusim.Chip, m: int, k: int, n: int, dtype: str) -> Frame:
    """What the chip does with the product of an (m, k) with a (k, n) matrix."""
    op = matmul(m, k, n, dtype)
    cost, (_, core_m, core_n, cores) = npusim.cost(chip, op), chosen_cut(chip, op)
    depth = -(-k // fractal(chip, dtype)[1])
    work = tile(chip, core_m, depth, core_n)
    piece = max(1, min(chip.l0a_bytes // work.m, chip.l0b_bytes // work.n) // 2 // FRACTAL_BYTES)
    tiles = -(-core_m // work.m) * -(-core_n // work.n)
    twice = 2 if tiles * -(-depth // piece) > 1 else 1
    piece = min(piece, depth)
    results = work.m * work.n * 16 * 16
    out = round(results * npusim.DTYPE_BYTES[dtype])
    cycles = chip.clock_mhz / 1000
    return Frame(
        cores=cores,
        core_m=core_m,
        core_n=core_n,
        tile_m=work.m,
        tile_n=work.n,
        l1=min(chip.l1_bytes, (core_m + core_n) * depth * FRACTAL_BYTES),
        l0a=twice * work.m * piece * FRACTAL_BYTES,
        l0b=twice * work.n * piece * FRACTAL_BYTES,
        l0c=(2 if tiles > 1 else 1) * results * L0C_ELEMENT,
        ub=0 if chip.split else min(chip.ub_bytes, (2 if tiles > 1 else 1) * out),
        mte2=round(cost.load * cycles),
        mte1=round(max(work.load_a, work.load_b) / number("cube_efficiency")),
        cube=round(cost.cube * cycles),
        out=round(cost.vector * cycles),
        mte3=round(cost.store * cycles),
        memory=round(cost.memory * cycles),
        total=round(cost.duration * cycles),
        ns=cost.duration,
    )


def _of_chip(name: str) -> dict[str, object]:
    """What the script has to know of a chip, and its frames: type by type, then m, k and n."""
    chip = npusim.find_chip(name)
    rows, depth, columns = chip.cube_fp16
    peak = chip.cubes * chip.clock_mhz * 2 * rows * depth * columns / 1e6
    fractals = {dtype: fractal(chip, dtype)[1] for dtype in TYPES}
    return {
        "name": name,
        "cores": chip.cubes,
        "split": chip.split,
        "room": [chip.l1_bytes, chip.l0a_bytes, chip.l0b_bytes, chip.l0c_bytes, chip.ub_bytes],
        "peak": {dtype: round(peak * fractals[dtype] / depth, 1) for dtype in TYPES},
        "depth": fractals,
        "frames": {
            dtype: [list(vars(frame(chip, m, k, n, dtype)).values()) for m, k, n in product(SIZES, repeat=3)]
            for dtype in TYPES
        },
    }


def _slider(name: str, words: str) -> str:
    start = SIZES.index(START[name])
    return (
        f'<label>{words}<span class="row"><input type="range" min="0" max="{len(SIZES) - 1}" step="1" '
        f'value="{start}" data-size="{name}"><output>{START[name]}</output></span></label>'
    )


def _choice(name: str, words: str, values: tuple[str, ...]) -> str:
    options = "".join(f"<option>{value}</option>" for value in values)
    return f'<label>{words}<select data-choice="{name}">{options}</select></label>'


def core_explorer() -> Html:
    """The explorable: sliders for m, k and n, the type and the chip; the cut, the buffers, the units."""
    data = {"sizes": SIZES, "chips": [_of_chip(name) for name in CHIPS]}
    packed = json.dumps(data, separators=(",", ":"))
    return Html(
        '<div class="camp-live camp-core"><form class="controls">'
        + _slider("m", "m, rows of A")
        + _slider("k", "k, columns of A and rows of B")
        + _slider("n", "n, columns of B")
        + _choice("type", "type", TYPES)
        + _choice("chip", "chip", CHIPS)
        + '</form><p class="told" aria-live="polite"></p><div class="panels">'
        '<div class="cut"><p class="head">The result, cut up among cores</p><div class="drawing"></div>'
        '<p class="note"></p></div>'
        '<div class="buffers"><p class="head">Buffers of the busiest core</p><div class="camp-bars"></div>'
        '<p class="note"></p></div></div>'
        '<div class="units"><p class="head">Units of the busiest core, in cycles</p>'
        '<div class="camp-bars"></div><p class="note"></p></div>'
        f'<script type="application/json">{packed}</script></div>'
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    )
