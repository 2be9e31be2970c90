"""Operators that change how much memory a tensor has: resize_ and out= with the wrong size.

A tensor grows with its storage, which other views share. An output of another size moves to new memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch._C import DispatchKey

from torch_npu._sim import storage_swap
from torch_npu._sim.storages import adopt, view_as_cpu

if TYPE_CHECKING:
    from torch import Tensor

_set = torch.ops.aten.set_.source_Storage_storage_offset


def point_at(tensor: Tensor, source: Tensor) -> None:
    """Makes an NPU tensor a view of another one: its storage, offset, shape and strides."""
    _set._op_dk(
        DispatchKey.CPU,
        tensor,
        source.untyped_storage(),
        source.storage_offset(),
        source.shape,
        source.stride(),
    )


def replace_contents(tensor: Tensor, value: Tensor) -> None:
    """Gives an NPU tensor the shape and memory of a fresh CPU tensor, or of a view of its own memory."""
    if value.data_ptr() == tensor.data_ptr() and value.data_ptr():
        whole = torch.ops.aten.as_strided.default._op_dk(
            DispatchKey.CPU, tensor, value.shape, value.stride(), tensor.storage_offset()
        )
        point_at(tensor, whole)
        return
    point_at(tensor, adopt(value, tensor.get_device()))


def _fill(tensor: Tensor, start: int) -> None:
    """Fills a storage from an element on with what nobody takes for a value: nan, or the largest integer."""
    elements = tensor.untyped_storage().nbytes() // tensor.element_size()
    whole = view_as_cpu(
        torch.ops.aten.as_strided.default._op_dk(DispatchKey.CPU, tensor.detach(), (elements,), (1,), 0)
    )
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        whole[start:] = float("nan")
    else:
        whole[start:] = True if tensor.dtype is torch.bool else torch.iinfo(tensor.dtype).max


def resize_(self: Tensor, size: Any, *, memory_format: torch.memory_format | None = None) -> Tensor:
    """Kernel of aten::resize_."""
    layout = torch.empty(size, device="meta", dtype=self.dtype)
    if memory_format is not None:
        layout = torch.empty(size, device="meta", dtype=self.dtype, memory_format=memory_format)
    storage = self.untyped_storage()
    needed = (self.storage_offset() + layout.numel()) * self.element_size()
    if needed <= storage.nbytes():
        view = torch.ops.aten.as_strided.default._op_dk(
            DispatchKey.CPU, self, layout.shape, layout.stride(), self.storage_offset()
        )
        point_at(self, view)
        return self
    held = storage.nbytes() // self.element_size()
    storage_swap.resize(storage, int(needed))
    if torch.are_deterministic_algorithms_enabled() and torch.utils.deterministic.fill_uninitialized_memory:  # type: ignore[attr-defined]
        _fill(self, held)
    view = torch.ops.aten.as_strided.default._op_dk(
        DispatchKey.CPU, self, layout.shape, layout.stride(), self.storage_offset()
    )
    point_at(self, view)
    return self


def set_(self: Tensor) -> Tensor:
    """Kernel of aten::set_ without a source: the tensor holds nothing."""
    point_at(self, adopt(torch.empty(0, dtype=self.dtype), self.get_device()))
    return self
