"""The parts of batch normalization over several ranks (`nn.SyncBatchNorm`), which the CPU lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim.kernels import Target, charge
from torch_npu._sim.storages import adopt, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable


def _finish(target: Target, name: str, results: tuple[Tensor, ...]) -> Any:
    writes = [spec_of(r) for r in results]
    given = tuple(adopt(r, target.index) for r in results)
    charge(target.index, name, "normalization", target.reads, writes)
    return given if len(given) > 1 else given[0]


def _rows(x: Tensor) -> Tensor:
    """(N, C, …) as (C, N · …), in float32."""
    return x.float().transpose(0, 1).reshape(x.shape[1], -1)


def _like(channel: Tensor, x: Tensor) -> Tensor:
    """A value a channel, shaped so that it broadcasts over (N, C, …)."""
    return channel.view([1, -1] + [1] * (x.dim() - 2))


def batch_norm_stats(input: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Kernel of aten::batch_norm_stats: mean and inverse deviation of each channel of (N, C, …)."""
    target = Target(host_ok=False)
    rows = _rows(target.take(input))
    variance, mean = torch.var_mean(rows, 1, correction=0)
    found: tuple[Tensor, Tensor] = _finish(target, "BNTrainingReduce", (mean, (variance + eps).rsqrt()))
    return found


def batch_norm_gather_stats_with_counts(
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    counts: Tensor,
) -> tuple[Tensor, Tensor]:
    """Kernel of aten::batch_norm_gather_stats_with_counts: the statistics of all ranks together.

    Args:
        input: (N, C, …); only its type counts.
        mean: (ranks, C).
        invstd: (ranks, C).
        running_mean: (C,), updated in place.
        running_var: (C,), updated in place.
        momentum: of the update.
        eps: as in the ranks' statistics.
        counts: (ranks,), elements a channel.
    """
    target = Target(host_ok=False)
    means, inverse, weights = (target.take(t).float() for t in (mean, invstd, counts))
    weights = weights.view(-1, 1)
    total = weights.sum()
    common = (means * weights).sum(0) / total
    squares = inverse.pow(-2) - eps + (means - common).square()
    variance = (squares * weights).sum(0) / total
    for running, new in ((running_mean, common), (running_var, variance * total / (total - 1))):
        if running is not None:
            target.take(running, written=True).mul_(1 - momentum).add_(new, alpha=momentum)
    found: tuple[Tensor, Tensor] = _finish(
        target, "SyncBatchNormGatherStats", (common, (variance + eps).rsqrt())
    )
    return found


def batch_norm_elemt(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, invstd: Tensor, eps: float
) -> Tensor:
    """Kernel of aten::batch_norm_elemt: normalizes with given statistics."""
    target = Target(host_ok=False)
    x, w, b, mu, inverse = (target.take(t) for t in (input, weight, bias, mean, invstd))
    result = (x.float() - _like(mu, x)) * _like(inverse, x)
    result = result if w is None else result * _like(w, x)
    result = result if b is None else result + _like(b, x)
    found: Tensor = _finish(target, "BNInfer", (result.to(x.dtype),))
    return found


def batch_norm_backward_reduce(
    grad_out: Tensor,
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    weight: Tensor | None,
    input_g: bool,
    weight_g: bool,
    bias_g: bool,
) -> Any:
    """Kernel of aten::batch_norm_backward_reduce: sums a channel, and the gradients of weight and bias."""
    target = Target(host_ok=False)
    grad, x, mu, inverse, w = (target.take(t) for t in (grad_out, input, mean, invstd, weight))
    rows = _rows(grad)
    total = rows.sum(1)
    product = (rows * (_rows(x) - mu.float().view(-1, 1))).sum(1)
    like = w if w is not None else total
    results = (total, product, (product * inverse).to(like.dtype), total.to(like.dtype).clone())
    return _finish(target, "SyncBatchNormBackwardReduce", results)


def batch_norm_backward_elemt(
    grad_out: Tensor,
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    weight: Tensor | None,
    sum_dy: Tensor,
    sum_dy_xmu: Tensor,
    count: Tensor,
) -> Tensor:
    """Kernel of aten::batch_norm_backward_elemt: the gradient of the input, with the sums of all ranks."""
    target = Target(host_ok=False)
    grad, x, mu, inverse, w, total, product, counts = (
        target.take(t) for t in (grad_out, input, mean, invstd, weight, sum_dy, sum_dy_xmu, count)
    )
    number = counts.sum()
    centred = x.float() - _like(mu, x)
    slope = grad.float() - _like(total / number, x)
    slope = slope - centred * _like(inverse.square() * product / number, x)
    slope = slope * _like(inverse if w is None else inverse * w, x)
    found: Tensor = _finish(target, "SyncBatchNormBackwardElemt", (slope.to(x.dtype),))
    return found


KERNELS: dict[str, Callable[..., Any]] = {
    "batch_norm_stats": batch_norm_stats,
    "batch_norm_gather_stats_with_counts": batch_norm_gather_stats_with_counts,
    "batch_norm_elemt": batch_norm_elemt,
    "batch_norm_backward_reduce": batch_norm_backward_reduce,
    "batch_norm_backward_elemt": batch_norm_backward_elemt,
}
