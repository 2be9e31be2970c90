"""Storages that are made by size alone, as torch.load and `storage.npu()` do.

PyTorch makes them with the allocator of the device, which a backend in Python cannot register; they are made
as tensors of bytes instead.
"""

from __future__ import annotations

from typing import Any

import torch

from torch_npu._sim import format_registry

_original = torch.UntypedStorage.__new__
_original_new: Any = torch.UntypedStorage.new
_original_clone: Any = torch.UntypedStorage.clone


def _new(cls: type[torch.UntypedStorage], *args: Any, **kwargs: Any) -> torch.UntypedStorage:
    device = kwargs.get("device")
    if device is not None and torch.device(device).type == "npu":
        size = args[0] if args else kwargs.get("size", 0)
        if isinstance(size, int):
            return torch.empty(size, dtype=torch.uint8, device=device).untyped_storage()
        return torch.tensor(list(size), dtype=torch.uint8, device=device).untyped_storage()
    return _original(cls, *args, **kwargs)


def _empty(self: torch.UntypedStorage) -> Any:
    if self.device.type != "npu":
        return _original_new(self)
    return torch.UntypedStorage(0, device=self.device)  # type: ignore[no-untyped-call]


def _clone(self: torch.UntypedStorage) -> Any:
    copy = _original_clone(self)
    if format_registry.known and self.device.type == "npu":
        format_registry.carry_storage(self, copy)
    return copy


def install() -> None:
    """Teaches `torch.UntypedStorage(size, device="npu")`, `storage.new()` and clones to keep the format."""
    torch.UntypedStorage.clone = _clone  # type: ignore[method-assign, assignment]
    torch.UntypedStorage.new = _empty  # type: ignore[method-assign, assignment]
    torch.UntypedStorage.__new__ = _new  # type: ignore[method-assign, assignment]
