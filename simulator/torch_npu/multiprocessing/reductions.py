"""NPU tensors sent to other processes share their memory with them, as on the real device.

A storage that is sent moves to shared host memory in place; the receiver makes an NPU tensor over its bytes.
"""

from __future__ import annotations

import ctypes
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing import reductions

from torch_npu._sim import saved_formats
from torch_npu._sim.storage_swap import exchange
from torch_npu._sim.storages import adopt, live

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_Geometry = tuple[torch.dtype, tuple[int, ...], tuple[int, ...], int]


def _shared_bytes(storage: torch.UntypedStorage) -> Tensor:
    """The CPU bytes in shared memory under an NPU storage, which moves there if it is not there yet."""
    held = live.get(storage.data_ptr())
    twin = held() if held is not None else None
    if twin is not None and twin.dtype is torch.uint8 and twin.is_shared():  # type: ignore[no-untyped-call]
        return twin
    shared: Tensor = torch.empty(storage.nbytes(), dtype=torch.uint8)
    shared.share_memory_()  # type: ignore[no-untyped-call]
    if storage.nbytes():
        ctypes.memmove(shared.data_ptr(), storage.data_ptr(), storage.nbytes())
    exchange(storage, adopt(shared, storage.get_device()).untyped_storage())
    return shared


def rebuild_npu_tensor(
    cls: type[Tensor],
    shared: Tensor,
    index: int,
    geometry: _Geometry,
    requires_grad: bool,
) -> Tensor:
    """The tensor in the process that received it, on the same device and over the same bytes."""
    dtype, size, stride, offset = geometry
    flat = adopt(shared, index).view(dtype)
    tensor = flat.as_strided(size, stride, offset)
    if cls is torch.nn.Parameter:
        return torch.nn.Parameter(tensor, requires_grad=requires_grad)
    return tensor.requires_grad_(requires_grad)


def reduce_npu_tensor(tensor: Tensor) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """How an NPU tensor is sent to another process; CPU tensors go PyTorch's way.

    Raises:
        RuntimeError: it is the result of a differentiable computation.
    """
    if tensor.get_device() < 0 or tensor.device.type != "npu":
        plain: tuple[Callable[..., Any], tuple[Any, ...]] = reductions.reduce_tensor(tensor)  # type: ignore[no-untyped-call]
        return plain
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
            "support crossing process boundaries. If you just want to transfer the data, call detach() on "
            "the tensor before serializing (e.g., putting it on the queue)."
        )
    geometry = (tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
    shared = _shared_bytes(tensor.untyped_storage())
    return rebuild_npu_tensor, (type(tensor), shared, tensor.get_device(), geometry, tensor.requires_grad)


def install() -> None:
    """Teaches `torch.multiprocessing` NPU tensors, and files their memory formats."""
    saved_formats.install()
    for cls in (torch.Tensor, torch.nn.Parameter):
        ForkingPickler.register(cls, reduce_npu_tensor)
