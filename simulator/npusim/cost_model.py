"""How long an operator takes on a chip.

One operator is a pipeline of resources that work at the same time: the Cube, the Vector unit, the paths from
L2 to the cores and back, and the memory. Its time is that of the slowest, plus a share of the others for
what the pipeline does not hide, plus a fixed overhead for starting it. Every number is a constant of
`npusim.constants`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import memory_bandwidth, number
from npusim.cube import best_cut, fractal
from npusim.op import padded_bytes
from npusim.products import factors, required
from npusim.rates import hit_share, rates
from npusim.traffic import traffic
from npusim.vector import INSTRUCTIONS, vector_work

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.cube import Cut, Work
    from npusim.op import Op, TensorSpec
    from npusim.products import Factors
    from npusim.rates import Rates

OP_KINDS = ("conv2d", "matmul", "attention", *INSTRUCTIONS, "pool", "aicpu")
PRODUCTS = frozenset({"conv2d", "matmul", "attention"})
MATRIX = 2  # dimensions


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
    kind = op.kind
    if kind == "view":
        return Cost(0, "NONE", 0)
    if kind == "aicpu":
        return _aicpu(op)
    of_chip = rates(chip)
    cube, unit = 0, "AI_CORE"
    found = factors(op) if kind in PRODUCTS else None
    if found is None:
        work, vector, load, store, memory, blocks = vector_work(of_chip, op, cached)
        if of_chip.split:
            unit = "AI_VECTOR_CORE"
    else:
        (_, _, _, blocks), (work, busy, vector, load, store, memory) = _shared(of_chip, op, found, cached)
        cube = round(busy)
    # as Cost(...) does, which takes three times as long
    return _new(
        Cost,
        (
            round(of_chip.overhead + work),
            unit,
            blocks,
            cube,
            round(vector),
            round(load),
            round(store),
            round(memory),
        ),
    )


_new = tuple.__new__


def chosen_cut(chip: Chip, op: Op) -> Cut:
    """How `cost` cuts a product up among the cores: what the busiest core gets of it.

    Raises:
        InvalidArgumentError: the Cube does not work on this operator.
    """
    return _shared(rates(chip), op, required(op), None)[0]


def _shared(rates: Rates, op: Op, found: Factors, cached: float | None) -> tuple[Cut, Work]:
    """A product cut up among the cores in the way that takes the least time."""
    _, right, _, (batch, m, k, n, dtype), grouped = found
    (row, rows, column, columns, extra, write, writes, write_row, write_rows), total, weights = traffic(
        op, found
    )
    if cached is None:
        if len(right.shape) > MATRIX and op.kind != "conv2d":
            weights = 0  # only those come from the memory
        hits = 1.0 if total <= rates.l2_room else hit_share(rates, total)
        cached = (total - weights) * hits
    memory = (total - cached) / rates.memory if total > cached else 0.0
    fused = int(str(op.attrs.get("fused", 0))) if op.attrs else 0
    if op.kind == "attention":
        fused += INSTRUCTIONS["softmax"]
    fm, fk, fn = fractal(rates.chip, dtype)
    grid, load, store = fm * fn, rates.load, rates.store
    demand = (
        1 / (rates.depthwise if grouped else rates.cube),
        (1 / rates.drain + fused / rates.beside) * grid,
        row * fm / load,
        rows / load,
        column * fn / load,
        columns / load,
        extra * grid / load,
        write * grid / store,
        writes / store,
        write_row * fm / store,
        write_rows / store,
        memory,
    )
    return best_cut(rates, (batch, -(-m // fm), -(-k // fk), -(-n // fn)), demand)


def operand_bytes(op: Op, spec: TensorSpec) -> float:
    """Bytes that an operator moves for one operand."""
    if op.kind == "gather" and op.outputs:
        # a table is only read where it is looked up
        return min(padded_bytes(spec), padded_bytes(op.outputs[0]))
    return padded_bytes(spec)


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
