"""Which attention and linear algebra PyTorch may choose: remembered, the device has one of each.

The names of torch_npu/npu/_backends.py in Ascend/pytorch, which warns of the same.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "math_sdp_enabled",
    "mem_efficient_sdp_enabled",
    "preferred_linalg_library",
    "sdp_kernel",
]


def _only_remembered(kind: str) -> None:
    warnings.warn(
        f"Currently, the device operator does not support {kind} sdp and only sets the global variable!",
        stacklevel=3,
    )


def flash_sdp_enabled() -> bool:
    """Whether `enable_flash_sdp` allows it."""
    _only_remembered("flash")
    return bool(torch._C._get_flash_sdp_enabled())


def enable_flash_sdp(enabled: bool) -> None:
    """Allows the flash kernel of scaled_dot_product_attention, or not; without effect on the device."""
    _only_remembered("flash")
    torch._C._set_sdp_use_flash(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Whether `enable_mem_efficient_sdp` allows it."""
    _only_remembered("mem_efficient")
    return bool(torch._C._get_mem_efficient_sdp_enabled())


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allows the memory-efficient kernel, or not; without effect on the device."""
    _only_remembered("mem_efficient")
    torch._C._set_sdp_use_mem_efficient(enabled)


def math_sdp_enabled() -> bool:
    """Whether `enable_math_sdp` allows it."""
    _only_remembered("math")
    return bool(torch._C._get_math_sdp_enabled())


def enable_math_sdp(enabled: bool) -> None:
    """Allows the kernel composed of other operators, or not; without effect on the device."""
    _only_remembered("math")
    torch._C._set_sdp_use_math(enabled)


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True
) -> Iterator[dict[str, Any]]:
    """Sets the three switches for as long as the context lasts."""
    switches = (
        (enable_flash_sdp, flash_sdp_enabled, enable_flash),
        (enable_mem_efficient_sdp, mem_efficient_sdp_enabled, enable_mem_efficient),
        (enable_math_sdp, math_sdp_enabled, enable_math),
    )
    before = [enabled() for _, enabled, _ in switches]
    try:
        for enable, _, wanted in switches:
            enable(wanted)
        yield {}
    finally:
        for (enable, _, _), wanted in zip(switches, before, strict=True):
            enable(wanted)


def preferred_linalg_library(backend: Any = None) -> Any:
    """The default library, whatever is asked for: there is no choice here as there is none on a server."""
    warnings.warn("torch.npu.preferred_linalg_library isn't implemented!", stacklevel=2)
    return torch._C._LinalgBackend.Default
