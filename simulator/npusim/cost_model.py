"""How long an operator takes on a chip.

One operator is a pipeline of resources that work at the same time: the Cube, the Vector unit, the paths from
L2 to the cores and back, and the memory. Its time is that of the slowest, plus a share of the others for
what the pipeline does not hide, plus a fixed overhead for starting it. Every number is a constant of
`npusim.constants`.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import memory_bandwidth, number
from npusim.cube import L0C_ELEMENT, shares
from npusim.exceptions import InvalidArgumentError
from npusim.op import C0_BYTES, DTYPE_BYTES, FRACTAL, fractal_columns, padded_bytes, padded_elements
from npusim.products import groups, is_product, operands, product

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.cube import Share
    from npusim.op import Op, TensorSpec

# Vector instructions an element of the largest operand, from the functions' usual evaluation on a unit that
# has exp, ln, reciprocal and square root as instructions (Ascend C API list). Kinds that only move have 0.
_INSTRUCTIONS = {
    "elementwise": 1,
    "reduce": 1,
    "normalization": 8,
    "softmax": 6,
    "optimizer": 4,
    "random": 10,
    "gather": 0,
    "copy": 0,
    "concat": 0,
    "transpose": 0,
    "view": 0,
}
_FUNCTIONS = {
    "Gelu": 14,
    "Sigmoid": 5,
    "Tanh": 7,
    "HardSwish": 4,
    "HardSigmoid": 3,
    "Swish": 6,
    "Silu": 6,
    "Exp": 1,
    "Log": 1,
    "BNInference": 2,
    "Relu6": 2,
    "Erf": 16,
    "Sqrt": 2,
    "RealDiv": 2,
    "Pow": 4,
}
HALF_BYTES = 2
MATRIX = 2  # dimensions
REPEATS = 16
OP_KINDS = ("conv2d", "matmul", "attention", *_INSTRUCTIONS, "pool", "aicpu")


class Cost(NamedTuple):
    """What an operator costs.

    Attributes:
        duration: nanoseconds from its start to its end.
        unit: AI_CORE, AI_VECTOR_CORE or AI_CPU.
        blocks: cores it occupies.
        cube: nanoseconds that the Cube is busy.
        vector: nanoseconds that the Vector unit is busy.
        load: nanoseconds that the path from L2 to the cores is busy.
        store: nanoseconds that the path from the cores to L2 is busy.
        memory: nanoseconds that the memory is busy.
    """

    duration: int
    unit: str
    blocks: int
    cube: int = 0
    vector: int = 0
    load: int = 0
    store: int = 0
    memory: int = 0


def cost(chip: Chip, op: Op, cached: float | None = None) -> Cost:
    """The cost of one operator on a chip, deterministic and independent of what ran before.

    Args:
        chip: where it runs.
        op: what runs.
        cached: bytes of its operands that are in L2. Without it, activations count as just made: they are
            found in L2 as far as the operator's operands fit into it together; weights of convolutions and
            matrix products come from the memory.
    """
    if op.kind == "view":
        return Cost(0, "NONE", 0)
    if op.kind == "aicpu":
        return _aicpu(op)
    memory = _memory_ns(chip, op, cached)
    options = _cube_options(chip, op) if is_product(op) else [_vector_option(chip, op)]
    work, parts, blocks = min((_time((*parts, memory)), parts, blocks) for parts, blocks in options)
    unit = "AI_VECTOR_CORE" if chip.split and not parts[0] else "AI_CORE"
    duration = round(number("task_overhead_ns") + work)
    cube, vector, load, store = (round(part) for part in parts)
    return Cost(duration, unit, blocks, cube, vector, load, store, round(memory))


def chosen_share(chip: Chip, op: Op) -> Share:
    """How `cost` cuts a product up among the cores: what the busiest core gets of it.

    Raises:
        InvalidArgumentError: the Cube does not work on this operator.
    """
    if not is_product(op):
        raise InvalidArgumentError(
            f"{op.name} of kind {op.kind!r} is no product; ask for a matmul or conv2d."
        )
    memory = _memory_ns(chip, op, None)
    ways = zip(_cube_options(chip, op), shares(chip, product(op)), strict=True)
    return min(ways, key=lambda way: (_time((*way[0][0], memory)), *way[0]))[1]


def _memory_ns(chip: Chip, op: Op, cached: float | None) -> float:
    """Nanoseconds that the memory is busy with what is not in L2."""
    total = sum(operand_bytes(op, t) for t in (*op.inputs, *op.outputs))
    if cached is None:
        cached = _just_made(chip, op, total)
    return max(0.0, total - cached) / (memory_bandwidth(chip) * number("memory_efficiency"))


def _time(parts: tuple[float, ...]) -> float:
    """The slowest resource, and what the pipeline does not hide of the others."""
    worst = max(parts)
    return worst + (1 - number("overlap")) * (sum(parts) - worst)


def _line(factor: TensorSpec, count: int, batch: int, place: int) -> tuple[float, int]:
    """Bytes of a row (or column) of a factor as it lies in memory, and how many such lines there are.

    `place` is the dimension that counts the lines, unless the factor is transposed.
    """
    if factor.fmt == "FRACTAL_NZ" and len(factor.shape) >= MATRIX:
        last = factor.shape[place] != count if place != -1 else factor.shape[-1] == count
        wide = fractal_columns(factor) if last else FRACTAL
        count = -(-count // wide) * wide
    lines = max(count * batch, 1)
    return padded_bytes(factor) / lines, lines


def l2_bandwidth(chip: Chip) -> tuple[float, float]:
    """Bytes per nanosecond that one core loads from L2 and stores to it.

    Chips whose file is silent move what a 910B's core does.
    """
    clock = chip.clock_mhz / 1000
    return (chip.l2_rate or 110) * clock, (chip.ub_to_l2_rate or 64) * clock


def hit_share(chip: Chip, distance: float) -> float:
    """The share of some data that L2 still holds after `distance` other bytes went through it."""
    room = chip.l2_bytes * number("l2_room")
    if distance <= room:
        return 1.0
    return float((room / distance) ** number("l2_falloff"))


def _just_made(chip: Chip, op: Op, total: float) -> float:
    weights = 0.0
    if op.kind in {"conv2d", "matmul"} and is_product(op):
        right = operands(op)[1]
        if op.kind == "conv2d" or len(right.shape) <= MATRIX:
            weights = padded_bytes(right)
    return (total - weights) * hit_share(chip, total)


def operand_bytes(op: Op, spec: TensorSpec) -> float:
    """Bytes that an operator moves for one operand."""
    if op.kind == "gather" and op.outputs:
        # a table is only read where it is looked up
        return min(padded_bytes(spec), padded_bytes(op.outputs[0]))
    return padded_bytes(spec)


# (cube, vector, load, store) nanoseconds of the busiest core, and cores
Option = tuple[tuple[float, float, float, float], int]


def _cube_options(chip: Chip, op: Op) -> list[Option]:
    """Every way to cut a product up among the cores."""
    shape = product(op)
    left, right, *others = operands(op)
    row, rows = _line(left, shape.m, shape.batch, -2)
    column, columns = _line(right, shape.n, shape.batch, -1)
    results = max(shape.batch * shape.m * shape.n, 1)
    if op.outputs and op.outputs[0].fmt == "FRACTAL_NZ":
        wide = fractal_columns(op.outputs[0])
        results = rows * (-(-shape.n // wide) * wide)
    result = sum(padded_bytes(t) for t in op.outputs) / results
    written = 0.0  # bytes for each row instead
    if op.kind == "attention":
        # values come with their keys, and what is written goes with the queries; the scores stay in the core
        values = [t for t in others if t.shape[-1:] == right.shape[-1:]]
        others = [t for t in others if t not in values]
        column += sum(padded_bytes(t) for t in values) / columns
        written, result = result * results / rows, 0.0
    # what is fused behind it and read from elsewhere: a bias, a residual, a mask
    extra = sum(padded_bytes(t) for t in others) / results
    fused = int(str((op.attrs or {}).get("fused", 0)))
    if op.kind == "attention":
        fused += _INSTRUCTIONS["softmax"]
    grouped = op.kind == "conv2d" and groups(op) > 1
    speed = chip.clock_mhz / 1000 * number("depthwise_efficiency" if grouped else "cube_efficiency")
    load, store = (rate * number("l2_efficiency") for rate in l2_bandwidth(chip))
    # results leave L0C in 32 bits; a rectifier is applied on that way
    drain = (chip.l0c_to_ub_rate or 256) / L0C_ELEMENT * chip.clock_mhz / 1000
    beside = chip.vectors / chip.cubes
    lanes = chip.vector_lanes * beside * (chip.vector_clock_mhz or chip.clock_mhz) / 1000
    return [
        (
            (
                share.cycles / speed,
                share.results * (1 / drain + fused / (lanes * number("vector_efficiency"))),
                (min(share.rows, rows) * row + min(share.columns, columns) * column + share.results * extra)
                / load,
                (min(share.results, results) * result + min(share.rows, rows) * written) / store,
            ),
            share.cores,
        )
        for share in shares(chip, shape)
    ]


def _vector_option(chip: Chip, op: Op) -> Option:
    """Element-wise work, dealt out to the cores in runs of 16 repeats of the vector unit."""
    largest = max((*op.inputs, *op.outputs), key=lambda t: t.numel, default=None)
    if largest is None or not largest.numel:
        return (0.0, 0.0, 0.0, 0.0), 1
    # padding of the format is worked on too; an operator on lists of tensors works on all of them
    elements = max([*map(padded_elements, op.inputs), sum(map(padded_elements, op.outputs))])
    run = chip.vector_lanes * REPEATS
    runs = -(-elements // run)
    turns = -(-runs // chip.vectors)
    each = turns * run  # elements of the busiest core
    if op.kind == "pool":
        window = int(str((op.attrs or {}).get("window", 2)))
        instructions = window * window * padded_elements(op.outputs[0]) / elements
    else:
        instructions = instruction_count(op)
    wide = 2 if DTYPE_BYTES.get(largest.dtype, 4) > HALF_BYTES else 1
    clock = (chip.vector_clock_mhz or chip.clock_mhz) / 1000
    vector = each * instructions * wide / (chip.vector_lanes * clock * number("vector_efficiency"))
    load, store = (
        sum(operand_bytes(op, t) for t in tensors) / elements * each / (rate * number("l2_efficiency"))
        for tensors, rate in zip((op.inputs, op.outputs), l2_bandwidth(chip), strict=True)
    )
    load = max(load, _short_runs(chip, op))
    return (0.0, vector, load, store), min(runs, chip.vectors)


def _short_runs(chip: Chip, op: Op) -> float:
    """Nanoseconds for which a core loads what a transposition or a conversion of matrices moves.

    It gathers short runs, each of which takes as long as a whole line: rows where the last dimension stays
    last, and one row of a fractal, 32 bytes, where elements change their places in it or the format changes.
    Images are turned in whole rows.
    """
    tensors = (*op.inputs, *op.outputs)
    if op.kind != "transpose" or not op.outputs or any(t.fmt in {"NCHW", "NC1HWC0"} for t in tensors):
        return 0.0
    spec = op.outputs[0]
    whole = len({t.shape[-1:] for t in tensors}) == 1 and op.name != "TransData"
    columns = spec.shape[-1] if whole and spec.shape else 0
    if spec.fmt == "FRACTAL_NZ":
        columns += -columns % fractal_columns(spec)
    row = columns * DTYPE_BYTES.get(spec.dtype, 4)
    lines = ceil(padded_bytes(spec) / max(C0_BYTES, row) / chip.vectors)  # runs are what the cores share
    return lines * number("line_bytes") / l2_bandwidth(chip)[0]


def instruction_count(op: Op) -> int:
    """Vector instructions an element, of an operator and of what is fused with it."""
    own = _FUNCTIONS.get(op.name, _INSTRUCTIONS.get(op.kind, 1))
    return int(str((op.attrs or {}).get("instructions", own)))


def _aicpu(op: Op) -> Cost:
    nbytes = sum(t.nbytes for t in (*op.inputs, *op.outputs))
    duration = number("aicpu_overhead_ns") + nbytes / number("aicpu_bandwidth")
    return Cost(round(duration), "AI_CPU", 1)


def memory_ns(chip: Chip, kind: str, nbytes: int) -> int:
    """Nanoseconds for which a copy would keep the device's whole memory bandwidth busy."""
    rate = memory_bandwidth(chip) * number("memory_efficiency")
    return round((2 if kind == "D2D" else 1) * nbytes / rate)


def copy_ns(chip: Chip, kind: str, nbytes: int) -> int:
    """Nanoseconds of a copy between host and device, or on the device (read and write).

    A copy between host and device goes as fast as the slower of the link and the device's memory.
    """
    rate = memory_bandwidth(chip) * number("memory_efficiency")
    if kind == "D2D":
        return round(number("task_overhead_ns") + 2 * nbytes / rate)
    return round(number("pcie_latency_ns") + nbytes / min(rate, number("pcie_bandwidth")))
