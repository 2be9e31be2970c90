"""Page-locked host memory: copies from it need not wait. Locking itself has nothing to do here.

`tensor.pin_memory()` makes a copy that is remembered as pinned. `torch.empty(..., pin_memory=True)` asks for
an allocator of pinned memory: it gets a copy of the CPU's allocator, whose address tells its storages apart.
"""

from __future__ import annotations

import ctypes
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_npu._sim import vtables

# Slot of at::PrivateUse1HooksInterface::getPinnedMemoryAllocator in the headers of PyTorch 2.13.
_GET_PINNED_ALLOCATOR = 12
_SLOTS = 17
_STORAGE_WORDS = 10  # words of a c10::StorageImpl, its allocator among them
_pinned: dict[int, weakref.ref[torch.UntypedStorage]] = {}  # by address of the storage, as long as it lives


class _Allocator:
    """The address of our copy of the CPU's allocator; 0 where there is none. The object is one pointer."""

    copy = ctypes.c_void_p(0)
    address = 0


def is_pinned(self: Tensor, device: torch.device | None = None) -> bool:
    """Kernel of aten::is_pinned for CPU tensors."""
    storage = self.untyped_storage()
    held = _pinned.get(storage.data_ptr())
    if held is not None and held() is not None:
        return True
    if not _Allocator.address:
        return False
    return _Allocator.address in list((ctypes.c_uint64 * _STORAGE_WORDS).from_address(storage._cdata))


def pin_memory(self: Tensor, device: torch.device | None = None) -> Tensor:
    """Kernel of aten::_pin_memory for CPU tensors: a copy that counts as pinned."""
    copy = torch.empty_like(self).copy_(self)
    address = copy.untyped_storage().data_ptr()

    def forget(dead: weakref.ref[Any]) -> None:
        if _pinned.get(address) is dead:
            del _pinned[address]

    if address:
        _pinned[address] = weakref.ref(copy.untyped_storage(), forget)
    return copy


def install(hooks: object) -> None:
    """Gives PyTorch an allocator of pinned memory, where the layout of its hooks is known."""
    if not vtables.known_here():
        return
    library = next((Path(torch.__file__).parent / "lib").glob("libc10.[sd]*"), None)
    if library is None:
        return
    get = ctypes.CDLL(str(library))["_ZN3c1015GetCPUAllocatorEv"]
    get.restype = ctypes.c_void_p
    _Allocator.copy = ctypes.c_void_p(ctypes.c_void_p.from_address(get()).value)
    _Allocator.address = ctypes.addressof(_Allocator.copy)
    methods = vtables.Methods(hooks, _SLOTS)
    methods.replace(_GET_PINNED_ALLOCATOR, ctypes.c_void_p, (), lambda _: _Allocator.address)
    methods.install()


KERNELS = {"is_pinned": is_pinned, "_pin_memory": pin_memory}
