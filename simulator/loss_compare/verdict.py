"""The rule by which two curves are one, and what it says of two curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from loss_compare.errors import LossFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

# FlagOpen/FlagPerf, training/nvidia/llama3_8B-megatron/README.md and others: from step 21 on, the mean
# relative error against the reference's losses is below 2 %. Ascend/ModelZoo-PyTorch,
# PyTorch/built-in/foundation (Baichuan-13B with LLaMA-Factory), judges by the same 2 %.
LIMIT = 0.02
SKIPPED = 20
_TINY = 1e-8  # what a loss is divided by at least: the relative error of two zeros is none


class Step(NamedTuple):
    """One step of both trainings.

    Attributes:
        number: from 1.
        golden: the reference's loss.
        loss: the other's.
        absolute: their difference, without its sign.
        relative: that, divided by the reference's loss.
    """

    number: int
    golden: float
    loss: float
    absolute: float
    relative: float


class Verdict(NamedTuple):
    """What the rule says.

    Attributes:
        passed: whether the two curves are one.
        reason: why, in a sentence.
        mean: mean relative error of the steps that count.
        largest: the step with the largest relative error among them.
        steps: all steps.
        skipped: how many at the beginning do not count.
    """

    passed: bool
    reason: str
    mean: float
    largest: Step
    steps: list[Step]
    skipped: int


def compare(
    golden: Sequence[float], other: Sequence[float], *, skip: int | None = None, limit: float = LIMIT
) -> Verdict:
    """Judges a training by its losses against those of the reference.

    Args:
        golden: the reference's losses, one a step.
        other: the other's. What the longer list has more does not count.
        skip: steps at the beginning that do not count; without it 20, or none where there are not more.
        limit: the mean relative error has to be below.

    Raises:
        LossFileError: no step is left, or the reference itself is not finite.
    """
    count = min(len(golden), len(other))
    if skip is None:
        skip = SKIPPED if count > SKIPPED else 0
    if not 0 <= skip < count:
        raise LossFileError(f"{count} steps are in both, and {skip} of them do not count; skip fewer.")
    steps = [_step(i + 1, golden[i], other[i]) for i in range(count)]
    if lost := next((s for s in steps if not math.isfinite(s.golden)), None):
        raise LossFileError(f"the reference's loss of step {lost.number} is {lost.golden}; it cannot be one.")
    counted = steps[skip:]
    mean = sum(s.relative for s in counted) / len(counted)
    largest = max(counted, key=lambda s: s.relative)
    passed, reason = _judge(steps, mean, limit)
    return Verdict(passed, reason, mean, largest, steps, skip)


def _step(number: int, golden: float, loss: float) -> Step:
    absolute = abs(loss - golden) if math.isfinite(loss) else math.inf
    return Step(number, golden, loss, absolute, absolute / max(abs(golden), _TINY))


def _judge(steps: list[Step], mean: float, limit: float) -> tuple[bool, str]:
    broken = next((s for s in steps if not math.isfinite(s.loss)), None)
    if broken is not None:
        return False, f"the loss of step {broken.number} is {broken.loss}: look for the first overflow"
    if mean < limit:
        return True, f"the mean relative error is {mean:.3%}, below {limit:.1%}"
    apart = next(s for s in steps if s.relative >= limit)
    told = f"the mean relative error is {mean:.3%}, not below {limit:.1%}"
    return False, f"{told}; the curves part at step {apart.number}"
