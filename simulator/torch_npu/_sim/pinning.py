"""Page-locked host memory: copies from it need not wait. Locking itself has nothing to do here."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

_pinned: dict[int, weakref.ref[torch.UntypedStorage]] = {}  # by address of the storage, as long as it lives


def is_pinned(self: Tensor, device: torch.device | None = None) -> bool:
    """Kernel of aten::is_pinned for CPU tensors."""
    held = _pinned.get(self.untyped_storage().data_ptr())
    return held is not None and held() is not None


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


KERNELS = {"is_pinned": is_pinned, "_pin_memory": pin_memory}
