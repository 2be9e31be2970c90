"""State of automatic mixed precision, as `torch.npu` tells it."""

from __future__ import annotations

import torch

from torch_npu.npu.device import is_bf16_supported


def get_amp_supported_dtype() -> list[torch.dtype]:
    """The types that `torch.autocast("npu")` accepts on this chip."""
    if is_bf16_supported():
        return [torch.float16, torch.bfloat16, torch.float32]
    return [torch.float16, torch.float32]


def is_autocast_enabled() -> bool:
    """Whether autocast is on for the NPU."""
    return torch.is_autocast_enabled("npu")


def set_autocast_enabled(enable: bool) -> None:
    """Turns autocast on or off for the NPU."""
    torch.set_autocast_enabled("npu", enable)


def get_autocast_dtype() -> torch.dtype:
    """The lower type of autocast on the NPU."""
    return torch.get_autocast_dtype("npu")


def set_autocast_dtype(dtype: torch.dtype) -> None:
    """Sets the lower type of autocast on the NPU."""
    torch.set_autocast_dtype("npu", dtype)
