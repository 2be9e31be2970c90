"""Operators that change how much memory a tensor has: resize_ and out= with the wrong size.

The storage of an NPU tensor cannot grow in place; the tensor moves to a new one. Other views of the old
storage keep seeing the old memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch._C import DispatchKey

from torch_npu._sim.storages import adopt, alias

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
    bigger = torch.empty(self.storage_offset() + layout.numel(), dtype=self.dtype)
    count = storage.nbytes() // self.element_size()
    if count:
        flat = torch.ops.aten.as_strided.default._op_dk(DispatchKey.CPU, self, (count,), (1,), 0)
        bigger[:count].copy_(alias(flat))
    moved = adopt(bigger, self.get_device())
    view = torch.ops.aten.as_strided.default._op_dk(
        DispatchKey.CPU, moved, layout.shape, layout.stride(), self.storage_offset()
    )
    point_at(self, view)
    return self
