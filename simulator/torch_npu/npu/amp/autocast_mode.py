"""`torch.npu.amp.autocast`, the same as `torch.autocast("npu")`."""

from __future__ import annotations

import warnings
from typing import Any

import torch


class autocast(torch.amp.autocast_mode.autocast):
    """Runs operators in the type that suits them; see `torch.autocast`.

    Args:
        enabled: False does nothing.
        dtype: the lower type, float16 or bfloat16.
        cache_enabled: whether a parameter is cast once in the region.
    """

    def __init__(
        self, enabled: bool = True, dtype: torch.dtype = torch.float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("npu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`torch_npu.npu.amp.{name}(args...)` is deprecated. "
        f"Please use `torch.amp.{name}(args..., device_type='npu')` instead.",
        FutureWarning,
        stacklevel=3,
    )


def custom_fwd(fwd: Any = None, *, cast_inputs: torch.dtype | None = None) -> Any:
    """Older spelling of `torch.amp.custom_fwd` for the NPU."""
    _deprecated("custom_fwd")
    if fwd is None:
        return lambda f: torch.amp.custom_fwd(f, device_type="npu", cast_inputs=cast_inputs)
    return torch.amp.custom_fwd(fwd, device_type="npu", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """Older spelling of `torch.amp.custom_bwd` for the NPU."""
    _deprecated("custom_bwd")
    return torch.amp.custom_bwd(bwd, device_type="npu")
