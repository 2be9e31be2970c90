"""Automatic mixed precision under its NPU spelling: `torch.npu.amp` and `torch_npu.npu.amp`."""

from torch_npu.npu.amp import common
from torch_npu.npu.amp.autocast_mode import autocast, custom_bwd, custom_fwd
from torch_npu.npu.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "common", "custom_bwd", "custom_fwd"]
