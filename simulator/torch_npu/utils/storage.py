"""What files saved on an Ascend server name: how an NPU tensor is built again from its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor


def _rebuild_npu_tensor(
    storage: Any,
    storage_offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    backward_hooks: Any,
    npu_storage_info: bool | int,
) -> Tensor:
    """The tensor over a storage, as `torch.load` asks for it (torch_npu/utils/storage.py of Ascend/pytorch).

    Args:
        storage: its bytes, on whichever device `map_location` put them.
        storage_offset: elements before the first.
        size: its shape.
        stride: elements from one entry to the next, by dimension.
        requires_grad: whether it is a leaf that is trained.
        backward_hooks: as autograd keeps them.
        npu_storage_info: the number of its memory format, on an NPU; True in older files.
    """
    tensor: Tensor = torch.tensor([], dtype=storage.dtype, device=storage._untyped_storage.device)
    tensor.set_(storage, storage_offset, size, stride)
    tensor.requires_grad = requires_grad
    tensor._backward_hooks = backward_hooks
    if tensor.device.type == "npu" and not isinstance(npu_storage_info, bool):
        from torch_npu import npu_format_cast

        tensor = npu_format_cast(tensor, npu_storage_info)
    return tensor
