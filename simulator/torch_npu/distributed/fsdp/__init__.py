"""Sharding a model over ranks: PyTorch's own `fully_shard`, which serves NPUs as it is."""

from torch.distributed.fsdp import fully_shard

__all__ = ["fully_shard"]
