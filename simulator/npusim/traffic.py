"""What the operands of a matrix product move: bytes for a row, for a column, for an element of the results.

Every figure depends on the sizes along the other dimensions alone. So a product that grows in one dimension
never moves less in any of its parts, whatever pads its formats.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from npusim.op import DTYPE_BYTES, FRACTAL, fractal_columns, padded_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npusim.op import Op, TensorSpec
    from npusim.products import Factors

MATRIX = 2  # dimensions

# Bytes loaded for a row, and for all; for a column, and for all; loaded for an element of the results; stored
# for one, and for all; stored for a row besides, and for all.
Parts = tuple[float, float, float, float, float, float, float, float, float]
# These; bytes of all operands; and of the right one.
Traffic = tuple[Parts, float, float]


def traffic(op: Op, found: Factors) -> Traffic:
    """What the operands of a product move."""
    if op.kind == "matmul":
        return _of_matrices(op, found)
    return _of_attention(op, found) if op.kind == "attention" else _of_convolution(op, found)


def _of_matrices(op: Op, found: Factors) -> Traffic:
    left, right, others, (batch, m, _, n, _), _ = found
    out = op.outputs[0]
    rows, columns = m * batch, n * batch
    if left.fmt == "FRACTAL_NZ":
        rows = _fractal_lines(left, m, -2) * batch
    if right.fmt == "FRACTAL_NZ":
        columns = _fractal_lines(right, n, -1) * batch
    left_bytes, right_bytes, stored = padded_bytes(left), padded_bytes(right), padded_bytes(out)
    row, column, extra, total = (
        left_bytes / rows,
        right_bytes / columns,
        0.0,
        left_bytes + right_bytes + stored,
    )
    if others:
        for_row, for_column, extra, more = _beside(others, m * batch, n)
        row, column, total = row + for_row, column + for_column, total + more
    size = DTYPE_BYTES.get(out.dtype, 4)
    parts = row, row * rows, column, column * columns, extra, size, stored, 0.0, 0.0
    return parts, total, right_bytes


def _of_attention(op: Op, found: Factors) -> Traffic:
    """Values come with their keys, and what is written goes with the queries; the scores stay in the core."""
    left, right, others, (batch, m, _, n, _), _ = found
    rows, columns = m * batch, n * batch or 1
    left_bytes, stored = padded_bytes(left), sum(map(padded_bytes, op.outputs))
    values = [t for t in others if t.shape[-1:] == right.shape[-1:]]
    right_bytes = sum(map(padded_bytes, (right, *values)))
    for_row, for_column, extra, more = _beside((t for t in others if t not in values), rows, n)
    row, column = left_bytes / rows + for_row, right_bytes / columns + for_column
    parts = row, row * rows, column, column * columns, extra, 0.0, 0.0, stored / rows, stored
    return parts, left_bytes + right_bytes + stored + more, right_bytes


def _of_convolution(op: Op, found: Factors) -> Traffic:
    image, weight, others, (batch, m, k, n, _), grouped = found
    out = op.outputs[0]
    rows, columns = m * batch, weight.shape[0]
    backward, turned = image is not op.inputs[0], out.shape[1] != columns
    image_bytes, weight_bytes, filters = padded_bytes(image), padded_bytes(weight), 0.0
    row = image_bytes / rows
    if grouped:
        row *= _per_product(image, k if turned else k // prod(weight.shape[2:]), batch)
    if backward:
        # the image's gradient, the first one, goes with its rows, that of the filters with them
        stored, filters = _gradients(op, weight)
    else:
        stored = padded_bytes(out)
    if backward or turned:
        columns = n * batch or 1
    elif weight.fmt == "FRACTAL_Z":  # filters that only pad are loaded by whoever has the last ones
        columns = -(-columns // FRACTAL) * FRACTAL
    column, extra, total = (
        (weight_bytes + filters) / columns,
        0.0,
        image_bytes + weight_bytes + filters + stored,
    )
    all_rows, all_columns = image_bytes, column * columns
    if others:
        for_row, for_column, extra, more = _beside(others, rows, n)
        row, all_rows = row + for_row, all_rows + for_row * rows
        column, all_columns, total = column + for_column, all_columns + for_column * columns, total + more
    if backward or turned:
        return (
            (row, all_rows, column, all_columns, extra, 0.0, 0.0, stored / rows, stored),
            total,
            weight_bytes,
        )
    size = DTYPE_BYTES.get(out.dtype, 4)
    return (row, all_rows, column, all_columns, extra, size, stored, 0.0, 0.0), total, weight_bytes


def _gradients(op: Op, weight: TensorSpec) -> tuple[float, float]:
    """Bytes of what a backward pass writes for the image, and for the filters."""
    image = filters = 0.0
    for i, spec in enumerate(op.outputs):
        if spec.shape == weight.shape and (i or len(op.outputs) == 1):
            filters += padded_bytes(spec)
        else:
            image += padded_bytes(spec)
    return image, filters


def _per_product(image: TensorSpec, depth: int, batch: int) -> float:
    """How much of an image one product of a convolution in groups reads, times the products.

    Whole fractals of channels: more than 1 where channels pad, or serve no group any more.
    """
    wide = fractal_columns(image) if image.fmt == "NC1HWC0" else 1
    channels = -(-image.shape[1] // wide) * wide
    return batch * min(max(depth, wide), channels) / channels


def _beside(others: Iterable[TensorSpec], rows: int, columns: int) -> tuple[float, float, float, float]:
    """Bytes that what is fused behind a product reads for a row, a column and an element; and all bytes.

    A bias goes with the columns; a residual or a mask is read for each element, by every product of them.
    """
    for_row = for_column = extra = total = 0.0
    for spec in others:
        numel, size = prod(spec.shape), DTYPE_BYTES.get(spec.dtype, 4)
        total += padded_bytes(spec)
        if numel <= columns:
            for_column += size
        elif numel <= rows:
            for_row += size
        else:
            extra += size
    return for_row, for_column, extra, total


def _fractal_lines(factor: TensorSpec, count: int, place: int) -> int:
    """Rows (or columns) of a factor in fractals as it lies in memory, those that pad among them.

    `place` is the dimension that counts the lines, unless the factor is transposed.
    """
    if len(factor.shape) < MATRIX:
        return count
    last = factor.shape[place] != count if place != -1 else factor.shape[-1] == count
    wide = fractal_columns(factor) if last else FRACTAL
    return -(-count // wide) * wide
