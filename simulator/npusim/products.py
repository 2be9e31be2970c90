"""Which matrix product an operator amounts to: its sizes, read off the shapes of its operands.

Faces hand over operands as the framework has them: a bias may come first, a weight may be transposed, and the
backward pass of a convolution comes as one operator. The sizes follow from the shapes alone.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from npusim.cube import Product
from npusim.op import FRACTAL

if TYPE_CHECKING:
    from npusim.op import Op, TensorSpec

MATRIX = 2  # dimensions
PAIRS = ((0, 1), (1, 2))  # where the two factors stand: first, or after a bias
INT8_CHANNELS = 32


def is_product(op: Op) -> bool:
    """Whether the Cube works on it."""
    if not op.outputs or not op.outputs[0].numel or len(op.inputs) < MATRIX:
        return False
    if op.kind == "matmul":
        return _factors(op) is not None
    return op.kind in {"conv2d", "attention"} and all(len(t.shape) > MATRIX for t in op.inputs[:2])


def operands(op: Op) -> list[TensorSpec]:
    """The inputs with the two factors first."""
    found = list(op.inputs)
    if op.kind == "matmul":
        first, second = _factors(op) or PAIRS[0]
        left, right = found[first], found[second]
        return [left, right, *(t for i, t in enumerate(found) if i not in {first, second})]
    if _is_backward(op):
        return [found[1], found[2], found[0], *found[3:]]
    return found


def product(op: Op) -> Product:
    """The matrix product that the operator amounts to; batches and repeated passes are in `batch`."""
    if op.kind == "matmul":
        return _matmul(op)
    if op.kind == "attention":
        return _attention(op)
    return _backward(op) if _is_backward(op) else _convolution(op, op.inputs[0], op.inputs[1], op.outputs[0])


def groups(op: Op) -> int:
    """The groups of a convolution: what the weight's second dimension lacks of the channels."""
    image, weight = operands(op)[:2]
    if op.attrs and "groups" in op.attrs:
        return int(str(op.attrs["groups"]))
    out = op.inputs[0] if _is_backward(op) else op.outputs[0]
    channels = image.shape[1] if out.shape[1] == weight.shape[0] else out.shape[1]
    return max(1, channels // max(weight.shape[1], 1))


def _factors(op: Op) -> tuple[int, int] | None:
    """Where the factors stand: the first pair whose sizes make up the output."""
    for first, second in PAIRS:
        if second < len(op.inputs) and _inner(op, op.inputs[first], op.inputs[second]):
            return first, second
    return None


def _batch(op: Op, right: TensorSpec) -> int:
    if len(right.shape) <= MATRIX:
        return 1
    batch = 1
    for d in op.outputs[0].shape[:-2]:
        batch *= d
    return batch


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


def _matmul(op: Op) -> Product:
    left, right = operands(op)[:2]
    out = op.outputs[0]
    k, batch = _inner(op, left, right), _batch(op, right)
    n = out.shape[-1] if out.shape and len(right.shape) >= MATRIX else 1
    return Product(batch, out.numel // (batch * n), k, n, left.dtype)


def _attention(op: Op) -> Product:
    """Scores and their product with the values, as one product with a doubled inner dimension."""
    query, key = op.inputs[0].shape, op.inputs[1].shape
    batch = 1
    for d in query[:-2]:
        batch *= d
    passes = 1 if len(op.outputs) == 1 or len(op.outputs[1].shape) < len(query) else BACKWARD_PASSES
    return Product(batch * passes, query[-2], MATRIX * query[-1], key[-2], op.inputs[0].dtype)


BACKWARD_PASSES = 2


def _is_backward(op: Op) -> bool:
    """A convolution's backward pass: the gradient, the image and the weight, all of one rank."""
    ranks = {len(t.shape) for t in op.inputs[:3]}
    return op.kind == "conv2d" and len(op.inputs) > MATRIX and len(ranks) == 1


def _backward(op: Op) -> Product:
    """As many forward passes as gradients are asked for."""
    gradient, image, weight = op.inputs[:3]
    forward = _convolution(op, image, weight, gradient)
    passes = sum(len(t.shape) == len(weight.shape) for t in op.outputs)
    return forward._replace(batch=forward.batch * max(1, passes))


def _convolution(op: Op, image: TensorSpec, weight: TensorSpec, out: TensorSpec) -> Product:
    """A convolution as products, one for every group; groups with few channels share a fractal."""
    c0 = INT8_CHANNELS if weight.dtype == "int8" else FRACTAL
    width, channels = weight.shape[0], weight.shape[1]
    taps = 1
    for d in weight.shape[2:]:
        taps *= d
    count = groups(op)
    if out.shape[1] != width:  # transposed: the weight maps the input's channels to the output's
        pixels = image.numel // max(image.shape[1], 1)
        return Product(count, pixels, _padded(width // count, c0), channels * taps, weight.dtype)
    pixels = out.numel // max(width, 1)
    if count == 1:
        small = int(str((op.attrs or {}).get("channels", 0)))
        return Product(1, pixels, (small or _padded(channels, c0)) * taps, width, weight.dtype)
    # groups share a fractal until it is full: their weights become block-diagonal
    together = max(1, c0 // max(channels, width // count, 1))
    batches = -(-count // together)
    return Product(
        batches, pixels, _padded(channels * together, c0) * taps, width // count * together, weight.dtype
    )


def _padded(channels: int, c0: int) -> int:
    return -(-channels // c0) * c0
