"""Batch normalization over all ranks of a group, as a function with gradients (nn.SyncBatchNorm uses it)."""

from torch.nn.modules._functions import SyncBatchNorm

__all__ = ["SyncBatchNorm"]
