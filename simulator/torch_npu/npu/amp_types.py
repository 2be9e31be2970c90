"""Which types automatic mixed precision may use."""

from __future__ import annotations

import torch

from torch_npu.npu.device import is_bf16_supported


def get_amp_supported_dtype() -> list[torch.dtype]:
    """The types that `torch.autocast("npu")` accepts on this chip."""
    if is_bf16_supported():
        return [torch.float16, torch.bfloat16]
    return [torch.float16]
