"""Sequences of small operators for which torch_npu has one.

The interfaces are those that `msprof-analyze advisor` names too (its rules timeline_fusion_ops); what this
adds is the promise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npu_advice.profile import Call


class Pattern(NamedTuple):
    """Operators in a row, and what to call instead.

    Attributes:
        title: what they compute.
        operators: types as in kernel_details.csv, in their order; several for one place are joined by "|",
            and one that may be missing ends in "?".
        fix: what to write.
    """

    title: str
    operators: tuple[str, ...]
    fix: str


_PRODUCT = "BatchMatMulV2|MatMulV2"
_COPY = "TensorMove|Transpose?"  # of the values, whose heads were turned
PATTERNS = (
    Pattern(
        "attention",
        (_PRODUCT, "Mul|Div|RealDiv?", "Add|MaskedFill?", "SoftmaxV2", "DropOutDoMask?", _COPY, _PRODUCT),
        "torch_npu.npu_fusion_attention, or nn.functional.scaled_dot_product_attention",
    ),
    Pattern(
        "RMSNorm",
        ("Pow|Mul|Square", "ReduceMean", "Add", "Rsqrt", "Mul", "Mul?"),
        "torch_npu.npu_rms_norm(x, weight, epsilon)[0]",
    ),
    Pattern("SwiGLU", ("Swish", "Mul"), "torch_npu.npu_swiglu(x) on both halves in one tensor"),
    Pattern(
        "GELU",
        ("Pow", "Mul", "Add", "Mul", "Tanh", "Add|Mul", "Mul", "Mul?"),
        "torch_npu.npu_fast_gelu(x), or nn.functional.gelu",
    ),
    Pattern(
        "rotary embedding", ("Neg", "ConcatD", "Mul", "Mul?", "Add"), "torch_npu.npu_rotary_mul(x, cos, sin)"
    ),
)
_CUBE = frozenset(_PRODUCT.split("|"))


def written_out(calls: Sequence[Call]) -> tuple[list[Call], list[Pattern], list[Call]]:
    """The calls with each sequence as one operator, the sequences found, and the first call of each.

    The one operator takes as long as the products among them, or as twice the longest; backward passes
    are left as they are.
    """
    changed: list[Call] = []
    found: list[Pattern] = []
    firsts: list[Call] = []
    place = 0
    while place < len(calls):
        for pattern in PATTERNS:
            length = _matches(calls, place, pattern)
            if length:
                changed.append(_one(calls[place : place + length]))
                found.append(pattern)
                firsts.append(calls[place])
                place += length
                break
        else:
            changed.append(calls[place])
            place += 1
    return changed, found, firsts


def _matches(calls: Sequence[Call], place: int, pattern: Pattern) -> int:
    """How many calls from a place on are the pattern; 0 where they are not."""
    at = place
    for wanted in pattern.operators:
        names = wanted.removesuffix("?").split("|")
        fits = at < len(calls) and calls[at].name in names and not calls[at].optimizer
        if fits and _forward(calls[at]):
            at += 1
        elif not wanted.endswith("?"):
            return 0
    return at - place


def _forward(call: Call) -> bool:
    return call.kind == "kernel" and (call.op is None or "backward" not in call.op.name.lower())


def _one(calls: Sequence[Call]) -> Call:
    products = sum(call.duration for call in calls if call.name in _CUBE)
    longest = 2 * max(call.duration for call in calls)
    return calls[0]._replace(duration=min(max(products, longest), sum(call.duration for call in calls)))
