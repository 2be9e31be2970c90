"""`torch.accelerator` on the NPU: what PyTorch's device-neutral names ask of the device.

A backend in Python cannot register the C++ objects that these functions look for; the functions of `torch._C`
beneath them are replaced, so that PyTorch's own checks of arguments stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import runtime

if TYPE_CHECKING:
    from types import ModuleType


def _exchange(index: int) -> int:
    """Makes a device the current one and says which it was; a negative index changes nothing."""
    if index < 0:
        return -1
    before: int = runtime.current_device()
    runtime.set_device(index)
    return before


def install(npu: ModuleType) -> None:
    """Points streams, synchronisation, memory figures and graphs of `torch.accelerator` at the NPU."""
    from torch_npu.npu import accelerator_graph, generic_streams

    for name, function in {
        "emptyCache": npu.empty_cache,
        "exchangeDevice": _exchange,
        "maybeExchangeDevice": _exchange,
        "emptyHostCache": npu.host_empty_cache,
        "getDeviceStats": npu.memory_stats_as_nested_dict,
        "getMemoryInfo": npu.mem_get_info,
        "getStream": npu.current_stream,
        "isAllocatorInitialized": runtime.is_initialized,
        "resetAccumulatedStats": npu.reset_accumulated_memory_stats,
        "resetPeakStats": npu.reset_peak_memory_stats,
        "setStream": npu.set_stream,
        "synchronizeDevice": npu.synchronize,
    }.items():
        setattr(torch._C, f"_accelerator_{name}", function)
    torch_module: Any = torch
    torch_module.Stream = generic_streams.Stream
    torch_module.Event = generic_streams.Event
    torch_module.accelerator.Graph = accelerator_graph.Graph
