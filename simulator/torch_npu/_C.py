"""What programs take from the compiled part of torch_npu; each does what the public function does.

The real `torch_npu._C` is a library made of C++. Programs that name it mostly want a stream's handle, a view
of a tensor that does not keep it alive, or a version.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import torch

from torch_npu import npu
from torch_npu._sim import runtime
from torch_npu._sim.soc_versions import number_of
from torch_npu.distributed import _c10d as _distributed_c10d
from torch_npu.npu import _mstx, memory_history
from torch_npu.npu.memory_pools import MemPool as _MemPool
from torch_npu.npu.sleeping import _sleep as _npu_sleep
from torch_npu.npu.streams import current_stream
from torch_npu.utils.cann import _is_gte_cann_version
from torch_npu.utils.cann import get_cann_version as _get_cann_version

__all__ = [
    "_MemPool",
    "_distributed_c10d",
    "_empty_strided_npu",
    "_get_cann_version",
    "_is_gte_cann_version",
    "_mstx",
    "_npu_getCurrentRawStream",
    "_npu_getCurrentRawStreamNoWait",
    "_npu_getDevice",
    "_npu_getDeviceCount",
    "_npu_get_soc_version",
    "_npu_init",
    "_npu_isHistoryEnabled",
    "_npu_setDevice",
    "_npu_sleep",
    "_npu_synchronize",
    "_weak_ref_tensor",
]
sys.modules[f"{__name__}._distributed_c10d"] = _distributed_c10d
_npu_init = npu.init
_npu_setDevice = npu.set_device  # noqa: N816 - the real name, as those below
_npu_getDevice = npu.current_device  # noqa: N816
_npu_getDeviceCount = npu.device_count  # noqa: N816
_npu_synchronize = npu.synchronize
_npu_isHistoryEnabled = memory_history.is_recording  # noqa: N816


def _npu_get_soc_version() -> int:
    """The chip's number in torch_npu's list (NpuVariables.h); -1 where it is not in it."""
    runtime.initialize()
    return number_of(runtime.sim_device(runtime.current_device()).chip.soc)


def _npu_getCurrentRawStream(device_index: int) -> int:  # noqa: N802
    """The handle of this thread's current stream on a device."""
    return current_stream(device_index).npu_stream


_npu_getCurrentRawStreamNoWait = _npu_getCurrentRawStream  # noqa: N816


def _weak_ref_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """A view of the same memory; the simulated one keeps the memory alive, which a program cannot rely on."""
    return tensor.detach()


def _empty_strided_npu(size: Any, stride: Any, dtype: torch.dtype) -> torch.Tensor:
    """`torch.empty_strided` on the current device."""
    return torch.empty_strided(size, stride, dtype=dtype, device="npu")


def __getattr__(name: str) -> object:
    if re.fullmatch(r"__\w+__", name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}: of the compiled part of torch_npu the simulator has "
        "few names; use the public function of torch_npu.npu."
    )
