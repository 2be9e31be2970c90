"""The loss scale of sharded models: PyTorch's own, which looks for CUDA unless told otherwise, on the NPU."""

from __future__ import annotations

from typing import Any

from torch.distributed.fsdp import sharded_grad_scaler

__all__: list[str] = []


class _ShardedGradScaler(sharded_grad_scaler.ShardedGradScaler):
    """`ShardedGradScaler` whose device is the NPU; the arguments are PyTorch's."""

    def __init__(self, device: str = "npu", *args: Any, **kwargs: Any) -> None:
        super().__init__(device, *args, **kwargs)


_names: Any = sharded_grad_scaler
_names.ShardedGradScaler = _ShardedGradScaler
