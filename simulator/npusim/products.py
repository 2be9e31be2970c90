"""Which matrix product an operator amounts to: its sizes, read off the shapes of its operands.

Faces hand over operands as the framework has them: a bias may come first, a weight may be transposed, and the
backward pass of a convolution comes as one operator. The sizes follow from the shapes alone.
"""

from __future__ import annotations

from math import isqrt, prod
from typing import TYPE_CHECKING

from npusim.exceptions import InvalidArgumentError
from npusim.op import FRACTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.op import Op, TensorSpec

MATRIX = 2  # dimensions
PAIRS = ((0, 1), (1, 2))  # where the two factors stand: first, or after a bias
INT8_CHANNELS = 32
BACKWARD_PASSES = 2


# `batch` products of an (m, k) with a (k, n) matrix of a dtype; repeated passes are in `batch`.
Product = tuple[int, int, int, int, str]
# An operator as a matrix product: the operand whose rows are the product's rows, the one whose columns are
# the product's columns, what is read beside them (a bias, a residual, a mask), the product, and whether it is
# a convolution in groups. Plain tuples: they are made for every shape that was never seen.
Factors = tuple["TensorSpec", "TensorSpec", "Sequence[TensorSpec]", Product, bool]


def factors(op: Op) -> Factors | None:
    """The matrix product that an operator amounts to, or None where the Cube does not work on it."""
    kind, inputs, outputs = op.kind, op.inputs, op.outputs
    if len(inputs) < MATRIX or not outputs or not prod(outputs[0].shape):
        return None
    if kind == "matmul":
        return _matmul(op)
    for spec in (inputs[0], inputs[1]):
        if len(spec.shape) <= MATRIX or not prod(spec.shape):
            return None
    if kind == "attention":
        return inputs[0], inputs[1], inputs[2:], _attention(op), False
    return _images(op) if kind == "conv2d" and len(outputs[0].shape) > MATRIX else None


def required(op: Op) -> Factors:
    """The matrix product that an operator amounts to.

    Raises:
        InvalidArgumentError: the Cube does not work on this operator.
    """
    found = factors(op)
    if found is None:
        raise InvalidArgumentError(
            f"{op.name} of kind {op.kind!r} is no product; ask for a matmul or conv2d."
        )
    return found


def _groups(op: Op, image: TensorSpec, weight: TensorSpec, out: TensorSpec) -> int:
    """The groups of a convolution: what the weight's second dimension lacks of the channels."""
    if op.attrs and "groups" in op.attrs:
        return int(str(op.attrs["groups"]))
    channels = image.shape[1] if out.shape[1] == weight.shape[0] else out.shape[1]
    return max(1, channels // max(weight.shape[1], 1))


def _matmul(op: Op) -> Factors | None:
    """The factors are the first two operands that stand together and whose sizes make up the output."""
    inputs, shape = op.inputs, op.outputs[0].shape
    left, right = inputs[0], inputs[1]
    if len(left.shape) == len(right.shape) == len(shape) == MATRIX:
        (m, k), (depth, n) = left.shape, right.shape
        if k and k == depth and shape == (m, n):  # two matrices as they are: what most products are
            return left, right, inputs[2:], (1, m, k, n, left.dtype), False
    for first, second in PAIRS[: len(inputs) - 1]:
        left, right = inputs[first], inputs[second]
        k, batch = _inner(op, left, right), _batch(op, right)
        if k:
            n = shape[-1] if shape and len(right.shape) >= MATRIX else 1
            sizes = (batch, prod(shape) // (batch * n), k, n, left.dtype)
            return left, right, [*inputs[:first], *inputs[second + 1 :]], sizes, False
    return None


def _batch(op: Op, right: TensorSpec) -> int:
    return 1 if len(right.shape) <= MATRIX else prod(op.outputs[0].shape[:-2])


def _inner(op: Op, left: TensorSpec, right: TensorSpec) -> int:
    """K of an (m, k) by (k, n) product, or 0.

    The two factors hold batch * k times more than the output, squared.
    """
    out = op.outputs[0]
    if len(out.shape) >= MATRIX and min(len(left.shape), len(right.shape)) < MATRIX:
        return 0
    # a factor without the batch's dimensions serves every batch
    scale = _batch(op, right) if len(left.shape) > MATRIX else 1
    square, rest = divmod(left.numel * right.numel, out.numel * scale)
    k = isqrt(square)
    return k if not rest and k * k == square and k in left.shape and k in right.shape else 0


def _attention(op: Op) -> Product:
    """Scores and their product with the values, as one product with a doubled inner dimension."""
    query, key = op.inputs[0].shape, op.inputs[1].shape
    passes = 1 if len(op.outputs) == 1 or len(op.outputs[1].shape) < len(query) else BACKWARD_PASSES
    return prod(query[:-2]) * passes, query[-2], MATRIX * query[-1], key[-2], op.inputs[0].dtype


def _is_backward(op: Op) -> bool:
    """A convolution's backward pass: the gradient, the image and the weight, all of one rank.

    A residual that is added behind a convolution has the shape of the result, which as many filters made.
    """
    inputs = op.inputs
    if len(inputs) <= MATRIX or not len(inputs[0].shape) == len(inputs[1].shape) == len(inputs[2].shape):
        return False
    out = op.outputs[0].shape
    residual = len(op.outputs) == 1 and out == inputs[2].shape
    return not residual or out[:2] != (inputs[0].shape[0], inputs[1].shape[0])


def _images(op: Op) -> Factors | None:
    """A convolution, or its backward pass: as many forward passes as gradients are asked for."""
    inputs, outputs = op.inputs, op.outputs
    if not _is_backward(op):
        count = _groups(op, inputs[0], inputs[1], outputs[0])
        sizes = _convolution(op, inputs[0], inputs[1], outputs[0], count)
        return inputs[0], inputs[1], inputs[2:], sizes, count > 1
    gradient, image, weight, *others = inputs
    if not prod(weight.shape):
        return None
    count = _groups(op, image, weight, gradient)
    batch, m, k, n, dtype = _convolution(op, image, weight, gradient, count)
    passes = max(1, sum(len(t.shape) == len(weight.shape) for t in outputs))
    return image, weight, [gradient, *others], (batch * passes, m, k, n, dtype), count > 1


def _convolution(op: Op, image: TensorSpec, weight: TensorSpec, out: TensorSpec, count: int) -> Product:
    """A convolution as products, one for every group; groups with few channels share a fractal."""
    dtype, shape = weight.dtype, weight.shape
    c0 = INT8_CHANNELS if dtype in {"int8", "uint8"} else FRACTAL
    width, channels, taps = shape[0], shape[1], prod(shape[2:])
    each = max(width // count, 1)  # filters of a group
    if out.shape[1] != width:  # transposed: the weight maps the input's channels to the output's
        pixels = prod(image.shape) // image.shape[1]
        return count, pixels, _padded(each, c0), channels * taps, dtype
    pixels = max(prod(out.shape) // width, 1)
    if count == 1:
        small = int(str(op.attrs.get("channels", 0))) if op.attrs else 0
        return 1, pixels, (small or _padded(channels, c0)) * taps, width, dtype
    # groups share a fractal until it is full: their weights become block-diagonal
    together = max(1, c0 // max(channels, each))
    batches = -(-count // together)
    depth = _padded(channels * together, c0) * taps
    return batches, pixels, depth, _padded(each * together, c0), dtype


def _padded(channels: int, c0: int) -> int:
    return -(-channels // c0) * c0
