"""`torch.accelerator` on the NPU: PyTorch's device-neutral names for what `torch.npu` does.

A backend in Python cannot register the C++ objects that these functions ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from types import ModuleType

_MEMORY = (
    "empty_cache",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_accumulated_memory_stats",
    "reset_peak_memory_stats",
)


def install(npu: ModuleType) -> None:
    """Points streams, synchronisation and memory figures of `torch.accelerator` at the NPU."""
    accelerator: Any = torch.accelerator
    for name in _MEMORY:
        function = getattr(npu, name)
        setattr(accelerator, name, function)
        setattr(accelerator.memory, name, function)
    accelerator.get_memory_info = accelerator.memory.get_memory_info = npu.mem_get_info
    accelerator.synchronize = npu.synchronize
    accelerator.current_stream = npu.current_stream
    accelerator.set_stream = npu.set_stream
