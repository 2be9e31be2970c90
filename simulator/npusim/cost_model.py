"""How long an operator takes on a chip: the roofline of its unit and of the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import memory_bandwidth, number

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.op import Op

CUBE_KINDS = frozenset({"conv2d", "matmul", "attention"})
OP_KINDS = (
    "conv2d",
    "matmul",
    "attention",
    "elementwise",
    "reduce",
    "normalization",
    "softmax",
    "pool",
    "gather",
    "copy",
    "transpose",
    "random",
    "optimizer",
    "aicpu",
)


class Cost(NamedTuple):
    """What an operator costs: nanoseconds, the unit it runs on and how many of its cores."""

    duration: int
    unit: str
    blocks: int


def cost(chip: Chip, op: Op) -> Cost:
    """The cost of one operator on a chip, deterministic and independent of what ran before."""
    nbytes = sum(t.nbytes for t in op.inputs) + sum(t.nbytes for t in op.outputs)
    memory = nbytes / (memory_bandwidth(chip) * number("bandwidth_efficiency"))
    overhead = number("task_overhead_ns")
    if op.kind in CUBE_KINDS and len(op.inputs) > 1 and op.outputs:
        m, k, n = product_shape(op)
        work = -(-m // 16) * -(-k // 16) * -(-n // 16) / chip.cubes / chip.clock_mhz * 1000
        return Cost(int(overhead + max(memory, work / number("cube_efficiency"))), "AI_CORE", chip.cubes)
    unit = "AI_VECTOR_CORE" if chip.split else "AI_CORE"
    elements = max((t.numel for t in (*op.inputs, *op.outputs)), default=0)
    work = elements / chip.vector_lanes / chip.vectors / (chip.vector_clock_mhz or chip.clock_mhz) * 1000
    return Cost(int(overhead + max(memory, work)), unit, chip.vectors)


def product_shape(op: Op) -> tuple[int, int, int]:
    """(m, k, n) of the matrix product that a convolution or matmul amounts to, batch included in m."""
    out = op.outputs[0]
    if op.kind == "conv2d":
        weight = op.inputs[1].shape
        k = 1
        for d in weight[1:]:
            k *= d
        return out.numel // max(weight[0], 1), k, weight[0]
    n = out.shape[-1] if out.shape else 1
    a = op.inputs[0]
    rows = out.numel // max(n, 1)
    attrs = op.attrs or {}
    k = a.shape[-2 if attrs.get("transpose_a") else -1] if len(a.shape) > 1 else a.numel
    return rows, k, n


def copy_ns(chip: Chip, kind: str, nbytes: int) -> int:
    """Nanoseconds of a copy between host and device, or on the device (read and write)."""
    if kind == "D2D":
        return int(
            number("task_overhead_ns")
            + 2 * nbytes / (memory_bandwidth(chip) * number("bandwidth_efficiency"))
        )
    return int(number("pcie_latency_ns") + nbytes / number("pcie_bandwidth"))
