"""Scatter, gather and broadcast between the devices of one process, on which `nn.DataParallel` stands.

PyTorch's builds for CUDA have them in C++ in `torch._C`; torch_npu brings its own (DataParallelComm.cpp).
Each copy goes over the links between the devices by itself, where the real ones pack small weights together.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim import runtime
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOST = -1


def _invalid(reason: str, code: ErrCode = ErrCode.VALUE) -> RuntimeError:
    return RuntimeError(reason + pta_error(code))


def _check_devices(devices: Sequence[int]) -> None:
    for index in devices:
        if index < 0:
            raise _invalid(f"Expected non-negative device index, but got {index}")


def _check_on_npu(tensors: Sequence[Tensor], what: str, there: str) -> None:
    for place, tensor in enumerate(tensors):
        if tensor.get_device() < 0:
            raise _invalid(
                f"Expected all {what} to be NPU tensors, but {there} at index {place} has device "
                f"'{tensor.device}'",
                ErrCode.TYPE,
            )


def broadcast(tensor: Tensor, devices: Sequence[int]) -> list[Tensor]:
    """The tensor on each of the devices; itself on its own.

    Raises:
        RuntimeError: a device below 0.
    """
    _check_devices(devices)
    own = tensor.get_device()
    return [tensor if index == own else tensor.to(f"npu:{index}") for index in devices]


def broadcast_out(tensor: Tensor, out: list[Tensor]) -> list[Tensor]:
    """Copies the tensor into tensors of the same shape on other devices.

    Raises:
        RuntimeError: one of them is not on an NPU, or of another shape.
    """
    _check_on_npu(out, "output tensors", "output tensor")
    for place, given in enumerate(out):
        if given.shape != tensor.shape:
            raise _invalid(
                f"Expected all output tensors to have same shape as the source tensor {list(tensor.shape)}, "
                f"but output tensor at index {place} has shape {list(given.shape)}"
            )
        given.copy_(tensor)
    return out


def broadcast_coalesced(tensors: Sequence[Tensor], devices: Sequence[int], _size: int) -> list[list[Tensor]]:
    """All tensors on each of the devices, a list a device; themselves on the first, where they are.

    Raises:
        RuntimeError: a tensor is elsewhere, or a device below 0.
    """
    _check_devices(devices)
    if any(tensor.get_device() != devices[0] for tensor in tensors):
        raise _invalid(f"All tensors must be on devices[0]: {devices[0]}", ErrCode.TYPE)
    return [[broadcast(tensor, [index])[0] for tensor in tensors] for index in devices]


def scatter(
    tensor: Tensor,
    devices: Sequence[int],
    chunk_sizes: Sequence[int] | None = None,
    dim: int = 0,
    streams: Sequence[Any] | None = None,
) -> list[Tensor]:
    """Parts of a tensor, one on each device, in the order of `devices`.

    Args:
        tensor: on the host or an NPU.
        devices: their indices.
        chunk_sizes: the length of each part; equal lengths without it, the last one shorter.
        dim: which dimension is cut.
        streams: which stream copies to each device; the current ones without it.

    Raises:
        RuntimeError: no device, one below 0, or sizes that do not fit.
    """
    if not devices:
        raise _invalid("Expected at least one device to scatter to")
    _check_devices(devices)
    if chunk_sizes is not None and len(chunk_sizes) != len(devices):
        raise _invalid(
            "Expected devices and chunk_sizes to be of same length, but got "
            f"len(devices) = {len(devices)} and len(chunk_sizes) = {len(chunk_sizes)}"
        )
    chunks = (
        tensor.chunk(len(devices), dim)
        if chunk_sizes is None
        else torch.split_with_sizes(tensor, list(chunk_sizes), dim)
    )
    parts = []
    for place, chunk in enumerate(chunks):
        stream = streams[place] if streams is not None else None
        with stream if stream is not None else nullcontext():
            parts.append(chunk.to(f"npu:{devices[place]}", non_blocking=True))
    return parts


def scatter_out(
    tensor: Tensor, out: list[Tensor], dim: int = 0, streams: Sequence[Any] | None = None
) -> list[Tensor]:
    """Copies parts of a tensor into tensors on several devices, whose lengths say where to cut.

    Raises:
        RuntimeError: no tensor to scatter to, one not on an NPU, or lengths that do not add up.
    """
    if not out:
        raise _invalid("Expected at least one output tensor to scatter to")
    _check_on_npu(out, "output tensors", "output tensor")
    total = sum(given.shape[dim] for given in out)
    if total != tensor.shape[dim]:
        raise _invalid(
            f"Total size for output tensors along scatter dim {dim} does not match the source tensor size at "
            f"dim {dim}. Expected {tensor.shape[dim]}, but got total size {total}"
        )
    parts = scatter(tensor, [o.get_device() for o in out], [o.shape[dim] for o in out], dim, streams)
    for given, part in zip(out, parts, strict=True):
        given.copy_(part)
    return out


def gather(tensors: Sequence[Tensor], dim: int = 0, destination_index: int | None = None) -> Tensor:
    """Tensors of several devices, one after the other on one device.

    Args:
        tensors: on NPUs.
        dim: along which they are put together.
        destination_index: the device; -1 is the host, None the current device.

    Raises:
        RuntimeError: no tensor, one not on an NPU, or shapes that do not fit.
    """
    if not tensors:
        raise _invalid("Expected at least one tensor to gather from")
    _check_on_npu(tensors, "input tensors", "tensor")
    expected = list(tensors[0].shape)
    for place, tensor in enumerate(tensors):
        if tensor.dim() != len(expected):
            raise _invalid(
                "Expected all input tensors to have the same number of dimensions, but tensor at index "
                f"{place}has {tensor.dim()} dimensions, (expected {len(expected)})"
            )
        expected[dim] = tensor.shape[dim]
        if list(tensor.shape) != expected:
            raise _invalid(
                f"Input tensor at index {place} has invalid shape {list(tensor.shape)}, "
                f"but expected {expected}"
            )
    index = runtime.current_device() if destination_index is None else destination_index
    target = "cpu" if index == _HOST else f"npu:{index}"
    return torch.cat([tensor.to(target) for tensor in tensors], dim)


def gather_out(tensors: Sequence[Tensor], out: Tensor, dim: int = 0) -> Tensor:
    """The same into a tensor that is there.

    Raises:
        RuntimeError: as `gather`; or the tensor is of another shape.
    """
    found = gather(tensors, dim, out.get_device())
    if out.shape != found.shape:
        raise _invalid(f"Expected out tensor to have shape {list(found.shape)}, but got {list(out.shape)}")
    return out.copy_(found)


def install() -> None:
    """Puts them where `torch.nn.parallel.comm` looks for them."""
    names: Any = torch._C
    for call in (broadcast, broadcast_out, broadcast_coalesced, scatter, scatter_out, gather, gather_out):
        setattr(names, f"_{call.__name__}", call)
