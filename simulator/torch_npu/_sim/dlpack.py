"""The same memory seen as a CPU tensor and as an NPU tensor, without a copy.

A DLPack capsule names the device in its first fields; PyTorch reads type 12 (kDLExtDev) as PrivateUse1.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from torch._C import _from_dlpack, _to_dlpack

if TYPE_CHECKING:
    from torch import Tensor

CPU = 1
EXT_DEV = 12
# DLTensor begins with `void* data`, then `int32 device_type`, `int32 device_id` (dlpack.h, all versions).
_TYPE = 8
_ID = 12

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]

# The whole address space as bytes: writing one item takes 40 ns, a ctypes structure takes ten times that.
_memory = memoryview((ctypes.c_ubyte * (1 << 48)).from_address(0)).cast("B")


def to_npu(tensor: Tensor, index: int) -> Tensor:
    """A tensor on npu:index over the memory of a CPU tensor, which lives as long as the result's storage."""
    capsule = _to_dlpack(tensor)
    at = _pointer(capsule, b"dltensor")
    _memory[at + _TYPE] = EXT_DEV
    _memory[at + _ID] = index
    result: Tensor = _from_dlpack(capsule)
    return result


def to_cpu(tensor: Tensor) -> Tensor:
    """A CPU tensor over the memory of an NPU tensor, which stays alive as long as the result's storage."""
    capsule = _to_dlpack(tensor)
    at = _pointer(capsule, b"dltensor")
    _memory[at + _TYPE] = CPU
    _memory[at + _ID] = 0
    result: Tensor = _from_dlpack(capsule)
    return result
