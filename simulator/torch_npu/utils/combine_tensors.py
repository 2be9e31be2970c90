"""Many tensors in one piece of memory (torch_npu/utils/combine_tensors.py of Ascend/pytorch)."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._sim.dlpack import to_cpu, to_npu
from torch_npu._sim.formats import get_storage_size
from torch_npu.utils._error_code import ErrCode, pta_error

__all__ = ["get_part_combined_tensor", "is_combined_tensor_valid", "npu_combine_tensors"]


def npu_change_data_ptr(dst: Tensor, src: Tensor, index: int) -> int:
    """Lays a tensor over the memory of another one, from an element of it on; returns 0.

    Args:
        dst: on the NPU, contiguous; its values are lost.
        src: on the same NPU, contiguous, with room for it.
        index: the element of `src` at which `dst` begins.

    Raises:
        RuntimeError: the types differ, or there is no room.
    """
    if dst.dtype is not src.dtype:
        raise RuntimeError(
            f"dst is {dst.dtype}, src is {src.dtype}: they must agree." + pta_error(ErrCode.TYPE)
        )
    size, room = get_storage_size(dst), get_storage_size(src)
    if not 0 <= index <= room - size:
        raise RuntimeError(
            f"{size} elements from {index} on do not lie within the {room} of src." + pta_error(ErrCode.PARAM)
        )
    lay_over(dst, src, index, size)
    return 0


def lay_over(dst: Tensor, src: Tensor, index: int, size: int) -> None:
    """Gives a tensor a storage of its own over `size` elements of another's, from `index` on."""
    part = torch.empty(0, dtype=src.dtype, device=src.device)
    part.set_(src.detach().untyped_storage(), index, (size,), (1,))
    own = to_npu(to_cpu(part), src.get_device())
    if size == dst.numel():
        dst.data = own.view(dst.shape)
    else:  # its storage was resized below its shape
        dst.set_(own.untyped_storage(), dst.storage_offset(), dst.shape, dst.stride())


def npu_combine_tensors(list_of_tensor: list[Tensor], require_copy_value: bool = True) -> Tensor | None:
    """One flat tensor over which those of a list lie from now on, one after the other.

    Args:
        list_of_tensor: contiguous tensors of one type on one NPU.
        require_copy_value: whether they keep their values; without it they become zero.

    Returns:
        The flat tensor; None where the list holds no elements.

    Raises:
        RuntimeError: they differ in type, are not contiguous or not on the NPU, or one is None.
    """
    if not list_of_tensor:
        return None
    if any(tensor is None for tensor in list_of_tensor):
        raise RuntimeError("Tensors to combine must not have `None`." + pta_error(ErrCode.PARAM))
    first = list_of_tensor[0]
    for tensor in list_of_tensor:
        if tensor.dtype is not first.dtype:
            raise RuntimeError("Tensors to combine must have the same dtype." + pta_error(ErrCode.TYPE))
        if tensor.device.type != "npu":
            raise RuntimeError(
                f"Tensors to combine must be on NPU, got {tensor.device.type}." + pta_error(ErrCode.VALUE)
            )
        if not tensor.is_contiguous():
            raise RuntimeError("Tensors to combine must be contiguous." + pta_error(ErrCode.VALUE))
    total = sum(tensor.numel() for tensor in list_of_tensor)
    if total == 0:
        return None
    combined = torch.zeros(total, dtype=first.dtype, device=first.device)
    index = 0
    with torch.no_grad():
        for tensor in list_of_tensor:
            if require_copy_value:
                combined[index : index + tensor.numel()].copy_(tensor.reshape(-1))
            npu_change_data_ptr(tensor, combined, index)
            index += tensor.numel()
    return combined


def get_part_combined_tensor(combined_tensor: Tensor | None, index: int, size: int) -> Tensor | None:
    """A part of a combined tensor, over the same memory.

    Args:
        combined_tensor: what `npu_combine_tensors` gave.
        index: the part's first element.
        size: how many elements; 0 gives None.

    Raises:
        RuntimeError: the part does not lie within it.
    """
    if combined_tensor is None or size == 0:
        return None
    room = get_storage_size(combined_tensor)
    if index + size > room:
        raise RuntimeError(
            f"(index + size) ({index + size}) > torch_npu.get_storage_size(combined_tensor) ({room})"
            + pta_error(ErrCode.VALUE)
        )
    return combined_tensor.detach()[index : index + size]


def is_combined_tensor_valid(combined_tensor: Tensor | None, list_of_tensor: list[Tensor]) -> bool:
    """Whether all tensors of a list still lie over a combined tensor."""
    if not list_of_tensor:
        return True
    if combined_tensor is None:
        return False
    begin = combined_tensor.data_ptr()
    end = begin + combined_tensor.untyped_storage().nbytes()
    return all(
        tensor is not None and begin <= tensor.data_ptr() < end and tensor.is_contiguous()
        for tensor in list_of_tensor
    )
