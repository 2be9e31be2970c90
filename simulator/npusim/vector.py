"""What the Vector unit does: element-wise work, reductions, functions, and what only moves data."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING

from npusim.op import C0_BYTES, DTYPE_BYTES, fractal_columns, padded_bytes
from npusim.rates import hit_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.op import Op, TensorSpec
    from npusim.rates import Rates

# Vector instructions an element of the largest operand, from the functions' usual evaluation on a unit that
# has exp, ln, reciprocal and square root as instructions (Ascend C API list). Kinds that only move have 0.
INSTRUCTIONS = {
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
INFINITE = float("inf")
IMAGES = frozenset({"NCHW", "NC1HWC0"})

# Nanoseconds of all units together; of the Vector unit, the loads, the stores, the memory; and cores.
Work = tuple[float, float, float, float, float, int]


def vector_work(rates: Rates, op: Op, cached: float | None) -> Work:
    """How long the Vector unit works on an operator.

    Elements are dealt out to the cores in runs of 16 repeats of the unit, each operand's on its own: so a
    small result takes no less because what it is made of grows. What pads a format is worked on too. An
    operator on lists of tensors works on each list as a whole.
    """
    outputs, kind = op.outputs, op.kind
    run, turn = rates.run, rates.run * rates.vectors  # elements of one run, and of one on each core
    # a table is only read where it is looked up
    most = padded_bytes(outputs[0]) if kind == "gather" and outputs else INFINITE
    elements = turns = total = loads = 0.0
    for spec in op.inputs:
        shape, dtype, fmt = spec
        size = DTYPE_BYTES.get(dtype, 4)
        count: float = prod(shape)
        nbytes = count * size
        if fmt != "ND":
            nbytes = padded_bytes(spec)
            count = nbytes // size
        if nbytes > most:
            nbytes = most
        total += nbytes
        if count > elements:
            elements = count
        needed = -(-count // turn) * (2 if size > HALF_BYTES else 1)
        if needed > turns:
            turns = needed
        loads += nbytes if nbytes <= run * size else -(-nbytes // (turn * size)) * run * size
    if len(outputs) == 1:
        shape, dtype, fmt = outputs[0]
        widest = DTYPE_BYTES.get(dtype, 4)
        count = prod(shape)
        stored = count * widest
        if fmt != "ND":
            stored = padded_bytes(outputs[0])
            count = stored // widest
    else:
        count, stored, widest = _together(outputs)
        if outputs:
            loads = _loads_of_lists(rates, op)
    needed = -(-count // turn) * (2 if widest > HALF_BYTES else 1)
    if kind == "pool":
        window = int(str((op.attrs or {}).get("window", 2)))
        turns, instructions = needed, window * window
    else:
        turns, instructions = (needed if needed > turns else turns), instruction_count(op)
    if count > elements:
        elements = count
    total += stored
    if cached is None:
        cached = total if total <= rates.l2_room else total * hit_share(rates, total)
    memory = (total - cached) / rates.memory if total > cached else 0.0
    vector = turns * run * instructions / rates.vector
    store = (stored if stored <= run * widest else -(-stored // (turn * widest)) * run * widest) / rates.store
    load = loads / rates.load
    if kind == "transpose":
        load = max(load, _short_runs(rates, op))
    worst = vector if vector > load else load
    if store > worst:
        worst = store
    if memory > worst:
        worst = memory
    work = worst + rates.hidden * (vector + load + store + memory - worst)
    return work, vector, load, store, memory, min(int(-(-elements // run)) or 1, rates.vectors)


def _together(specs: Sequence[TensorSpec]) -> tuple[float, float, float]:
    """Elements and bytes of several operands, and the bytes of the widest type's element."""
    sizes = [DTYPE_BYTES.get(spec.dtype, 4) for spec in specs]
    moved = [padded_bytes(spec) for spec in specs]
    counts = (nbytes // size for nbytes, size in zip(moved, sizes, strict=True))
    return sum(counts), sum(moved), max(sizes, default=HALF_BYTES)


def _loads_of_lists(rates: Rates, op: Op) -> float:
    """Bytes that the busiest core loads where there are several results: of as many inputs each together."""
    inputs, length, loads = op.inputs, len(op.outputs), 0.0
    for i in range(0, len(inputs), length):
        _, moved, widest = _together(inputs[i : i + length])
        run = rates.run * widest
        loads += moved if moved <= run else -(-moved // (run * rates.vectors)) * run
    return loads


def instruction_count(op: Op) -> int:
    """Vector instructions an element, of an operator and of what is fused with it."""
    if op.attrs and "instructions" in op.attrs:
        return int(str(op.attrs["instructions"]))
    return _FUNCTIONS.get(op.name) or INSTRUCTIONS.get(op.kind, 1)


def _short_runs(rates: Rates, op: Op) -> float:
    """Nanoseconds for which a core loads what a transposition or a conversion of matrices moves.

    It gathers short runs, each of which takes as long as a whole line: rows where the last dimension stays
    last, and one row of a fractal, 32 bytes, where elements change their places in it or the format changes.
    Images are turned in whole rows.
    """
    for spec in (*op.inputs, *op.outputs):
        if spec.fmt in IMAGES:
            return 0.0
    if not op.outputs:
        return 0.0
    spec = op.outputs[0]
    row: float = C0_BYTES
    if spec.shape and _keeps_rows(op):
        columns = spec.shape[-1]
        if spec.fmt == "FRACTAL_NZ":
            columns += -columns % fractal_columns(spec)
        row = max(row, columns * DTYPE_BYTES.get(spec.dtype, 4))
    return ceil(padded_bytes(spec) / row / rates.vectors) * rates.line  # runs are what the cores share


def _keeps_rows(op: Op) -> bool:
    """Whether the last dimension stays last: by the attribute "perm", or as far as the shapes tell.

    Where a shape comes out as it went in, two dimensions of one size changed places: the last is taken to
    have stayed if two before it are alike, as rows and heads can be.
    """
    perm = op.attrs.get("perm") if op.attrs else None
    if isinstance(perm, tuple | list) and perm:
        return int(perm[-1]) in {len(perm) - 1, -1}
    shape = op.outputs[0].shape
    if op.name == "TransData":
        return False
    changed = False
    for spec in op.inputs:
        if spec.shape[-1:] != shape[-1:]:
            return False
        changed = changed or spec.shape != shape
    return changed or len(set(shape[:-1])) < len(shape) - 1
