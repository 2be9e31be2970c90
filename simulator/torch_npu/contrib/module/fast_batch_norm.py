"""Batch norms that count batches in int32, the type that the NPU adds fastest."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["FastBatchNorm1d", "FastBatchNorm2d", "FastBatchNorm3d", "FastSyncBatchNorm"]


class _Counting(nn.Module):
    """What they have in common; see the class of `torch.nn` beside it for the arguments."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, **options)
        if track_running_stats:
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.int32))


class FastBatchNorm1d(_Counting, nn.BatchNorm1d):
    """`nn.BatchNorm1d`, (N, C) or (N, C, L), with an int32 `num_batches_tracked`."""


class FastBatchNorm2d(_Counting, nn.BatchNorm2d):
    """`nn.BatchNorm2d`, (N, C, H, W), with an int32 `num_batches_tracked`."""


class FastBatchNorm3d(_Counting, nn.BatchNorm3d):
    """`nn.BatchNorm3d`, (N, C, D, H, W), with an int32 `num_batches_tracked`."""


class FastSyncBatchNorm(_Counting, nn.SyncBatchNorm):
    """`nn.SyncBatchNorm` with an int32 `num_batches_tracked`; `process_group` is its last argument."""
