"""The statistics of batch normalization over several ranks, as torch_npu's own SyncBatchNorm takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_npu._ops._fused import fused, invalid

if TYPE_CHECKING:
    from torch import Tensor


@fused("BNTrainingReduce", "normalization", differentiable=False)
def batch_norm_reduce(input: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Sums and sums of squares of each channel, (C,) in float32.

    Args:
        input: (N, C, H, W).
        eps: without effect.

    Raises:
        RuntimeError: a tensor of fewer than two dimensions.
    """
    if input.dim() < 2:  # noqa: PLR2004 - batch and channels
        raise invalid(f"The dim input tensor must more than 1, but got {input.dim()}")
    wide = input.float()
    axes = [d for d in range(input.dim()) if d != 1]
    return wide.sum(axes), wide.square().sum(axes)


@fused("SyncBatchNormGatherStats", "normalization", differentiable=False)
def batch_norm_gather_stats_update(
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    counts: Tensor,
) -> tuple[Tensor, Tensor]:
    """Mean and inverse deviation of each channel over all ranks; updates the running statistics.

    Args:
        input: (N, C, …); only its type counts.
        mean: (ranks, C) sums, as `batch_norm_reduce` gives them.
        invstd: (ranks, C) sums of squares.
        running_mean: (C,), updated in place.
        running_var: (C,), updated in place.
        momentum: of the update.
        eps: added to the variance.
        counts: (ranks,), elements a channel.
    """
    total = counts.float().sum()
    common = mean.float().sum(0) / total
    variance = (invstd.float().sum(0) / total - common.square()).clamp(min=0)
    for running, new in ((running_mean, common), (running_var, variance * total / (total - 1))):
        if running is not None:
            running.mul_(1 - momentum).add_(new.to(running.dtype), alpha=momentum)
    return common, (variance + eps).rsqrt()
