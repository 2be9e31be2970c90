"""What products would take in half precision, by the cost model."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from npusim import Op, Settings, TensorSpec, cost, find_chip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npusim import Chip

    from npu_advice.profile import Call

_PRODUCTS = {"MatMulV2": "matmul", "BatchMatMulV2": "matmul", "MatMulV3": "matmul", "Conv2D": "conv2d"}
_GRADIENTS = {"Conv2DBackprop": "conv2d"}
MATRIX = 2


def in_half_precision(calls: Iterable[Call], soc: str | None) -> tuple[list[Call], int, int]:
    """The calls under autocast, and the nanoseconds of its products before and after.

    The operands of each product are cast before it, and its result after it: more casts than autocast makes,
    which keeps those of weights for the whole step, and what is in half precision already.

    Args:
        calls: of the profile.
        soc: the chip; None: NPUSIM_SOC, or its default.

    Raises:
        npusim.UnknownChipError: no chip is called so.
    """
    chip = Settings().chip if soc is None else find_chip(soc, where="--soc")
    changed: list[Call] = []
    before = after = 0
    for call in calls:
        quick = _shortened(chip, call)
        if quick is None:
            changed.append(call)
            continue
        shapes = [shape for shape in call.shapes if len(shape) >= MATRIX]
        casts = [_cast(chip, call, shape) for shape in (*shapes, max(shapes, key=prod))]
        before += call.duration
        after += quick + sum(cast.duration for cast in casts)
        changed += [*casts, call._replace(duration=quick)]
    return changed, before, after


def _shortened(chip: Chip, call: Call) -> int | None:
    """Nanoseconds of a product in float32 were it in float16; None for all else."""
    kind = _PRODUCTS.get(call.name) or _GRADIENTS.get(call.name)
    if kind is None or "FLOAT" not in call.dtypes[:2]:
        return None
    ratios = []
    for dtype in ("float32", "float16"):
        op = _op(call, kind, dtype)
        if op is None:
            return None
        ratios.append(cost(chip, op).duration)
    return round(call.duration * min(1.0, ratios[1] / ratios[0]))


def _op(call: Call, kind: str, dtype: str) -> Op | None:
    """The product as the cost model knows it, from the shapes in the profile."""
    tensors = [shape for shape in call.shapes if len(shape) >= MATRIX]
    if len(tensors) < 2:  # noqa: PLR2004 - factors of a product
        return None
    left, right = tensors[-2:] if call.name in _GRADIENTS else tensors[:2]
    result = (left[0], right[0], *left[2:]) if kind == "conv2d" else (*left[:-1], right[-1])
    return Op(call.name, kind, [TensorSpec(s, dtype) for s in (left, right)], [TensorSpec(result, dtype)])


def _cast(chip: Chip, call: Call, shape: tuple[int, ...]) -> Call:
    specs = TensorSpec(shape, "float32"), TensorSpec(shape, "float16")
    duration = cost(chip, Op("Cast", "elementwise", specs[:1], specs[1:])).duration
    return call._replace(name="Cast", gap=0, lag=0, duration=duration)
