"""Copies between host and device, between devices, between types, and single numbers read back."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch
from npusim import Op, TensorSpec
from torch import Tensor
from torch._C._profiler import _RecordFunctionFast
from torch.autograd import profiler

from torch_npu._sim import format_registry, overflow, runtime, sync_debug
from torch_npu._sim.kernels import charge, read_back
from torch_npu._sim.storages import adopt, alias, spec_of
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from collections.abc import Callable


def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Kernel of aten::copy_, where at least one side is on the device."""
    to, from_ = self.get_device(), src.get_device()
    target = alias(self) if to >= 0 else self
    source = alias(src) if from_ >= 0 else src
    target.copy_(source)
    if to >= 0 and from_ >= 0 and src.dtype is not self.dtype:
        overflow.cut_cast(source, target)
    if from_ < 0:
        runtime.queues[to].copy("H2D", src.nbytes, asynchronous=non_blocking and src.is_pinned())
        if src.dtype is not self.dtype:
            charge(to, "Cast", "elementwise", [spec_of(src)], [spec_of(self)])
    elif to < 0:
        _to_host(from_, self.nbytes, non_blocking=non_blocking)
    elif to != from_:
        runtime.queues[from_].copy("D2D", self.nbytes, asynchronous=True)
        _order_after(to, from_)
    elif src.dtype is not self.dtype:
        charge(to, "Cast", "elementwise", [spec_of(src)], [spec_of(self)])
    else:
        _move(to, src, self)
    return self


def _to_host(index: int, nbytes: int, *, non_blocking: bool) -> None:
    """Charges a copy to the host.

    Raises:
        RuntimeError: the host waits for it, and an earlier launch failed on the device.
    """
    if non_blocking:
        runtime.queues[index].copy("D2H", nbytes, asynchronous=True)
    else:
        read_back(index, nbytes)


def _move(index: int, source: Tensor, target: Tensor) -> None:
    """Launches what copies a tensor on the device: a permuted one is turned, as CANN's copy does it.

    Args:
        index: the device's.
        source: what is read; its elements may lie in another order than its dimensions.
        target: where they go.
    """
    if profiler._is_profiler_enabled:  # PyTorch's own profile shows the call by its name in CANN
        with _RecordFunctionFast("aclnnInplaceCopy"):
            pass
    wanted, given = spec_of(target), spec_of(source)
    laid = None if source.is_contiguous() and target.is_contiguous() else _memory_order(source)
    order = _memory_order(target)
    if laid is None or laid == order:
        charge(index, "TensorMove", "copy", [given], [wanted])
        return
    shape = tuple(source.shape[d] for d in laid)
    # where the shape comes out as it went in, it does not tell whether the rows stayed
    attrs = {"perm": tuple(map(laid.index, order))} if order and shape == wanted.shape else None
    runtime.queues[index].launch(
        Op("Transpose", "transpose", [TensorSpec(shape, given.dtype)], [wanted], attrs)
    )


def _memory_order(tensor: Tensor) -> list[int] | None:
    """A tensor's dimensions from the slowest to the fastest in memory, without those of one element.

    None where several elements share a place, as after `expand`.
    """
    dimensions = [d for d, size in enumerate(tensor.shape) if size > 1]
    strides = tensor.stride()
    if any(strides[d] == 0 for d in dimensions):
        return None
    return sorted(dimensions, key=lambda d: -strides[d])


def clone(self: Tensor, *, memory_format: torch.memory_format | None = None) -> Tensor:
    """Kernel of aten::clone."""
    index = self.get_device()
    result = adopt(torch.ops.aten.clone.default._op(alias(self), memory_format=memory_format), index)
    _move(index, self, result)
    if format_registry.known:
        format_registry.carry(self, result)
    return result


def _order_after(waiting: int, working: int) -> None:
    """Work given to one device from now on starts after what the other one was given."""
    event = runtime.sim_device(working).create_event()
    event.record(runtime.queues[working])
    event.wait(runtime.queues[waiting])


def foreach_copy_(self: list[Tensor], src: list[Tensor], non_blocking: bool = False) -> None:
    """Kernel of aten::_foreach_copy_: sources may lie on the host, or on another device."""
    for target, source in zip(self, src, strict=True):
        target.copy_(source, non_blocking)


def _copy_from(self: Tensor, dst: Tensor, non_blocking: bool = False) -> Tensor:
    return copy_(dst, self, non_blocking)


def _copy_from_and_resize(self: Tensor, dst: Tensor) -> Tensor:
    if dst.shape != self.shape:
        dst.resize_(self.shape)
    return copy_(dst, self)


def _to_copy(
    self: Tensor,
    *,
    dtype: torch.dtype | None = None,
    layout: torch.layout | None = None,
    device: torch.device | None = None,
    pin_memory: bool | None = None,
    non_blocking: bool = False,
    memory_format: torch.memory_format | None = None,
) -> Tensor:
    """Kernel of aten::_to_copy where the tensor is on the device or goes there."""
    from_ = self.get_device()
    to: int | None = from_
    if device is not None:
        to = -1 if device.type == "cpu" else device.index
    if device is not None and device.type not in {"cpu", "npu"}:
        empty = torch.empty_like(self, dtype=dtype, device=device, memory_format=torch.preserve_format)
        return empty if device.type == "meta" else empty.copy_(self)
    if to is None:
        to = runtime.current_device()
    if dtype is torch.float64 and device is None and layout is None and self.dtype is not dtype:
        dtype = _no_double()
    options: dict[str, Any] = {"dtype": dtype, "layout": layout}
    if memory_format is not None:
        options["memory_format"] = memory_format
    if to >= 0:
        runtime.check_index(to)
    source = self if from_ < 0 else alias(self)
    cpu: Tensor = torch.ops.aten._to_copy.default._op(source, **options)
    if from_ < 0:
        asynchronous = non_blocking and self.is_pinned()
        result = adopt(cpu, to)
        runtime.queues[to].copy("H2D", cpu.nbytes, asynchronous=asynchronous)
        return result
    if to < 0:
        if not non_blocking:
            sync_debug.waits()
        _to_host(from_, self.nbytes, non_blocking=non_blocking)
        # A copy that does not wait goes to page-locked memory, as on the real device.
        return cpu.pin_memory() if pin_memory or non_blocking else cpu
    return _to_device(self, source, cpu, to)


def _to_device(self: Tensor, source: Tensor, cpu: Tensor, to: int) -> Tensor:
    """A new tensor on a device out of another one on a device: copied, cast, or both.

    Args:
        self: what is copied.
        source: its host alias.
        cpu: the new values, on the host.
        to: the device's index.
    """
    same = cpu.dtype is self.dtype
    if not same:
        overflow.cut_cast(source, cpu)
    spec = spec_of(cpu)
    result = adopt(cpu, to)
    from_ = self.get_device()
    if to != from_:
        runtime.queues[from_].copy("D2D", self.nbytes, asynchronous=True)
        _order_after(to, from_)
    elif same:
        charge(to, "TensorMove", "copy", [spec_of(self)], [spec])
    else:
        charge(to, "Cast", "elementwise", [spec_of(self)], [spec])
    return result


_QUIET = frozenset({"tensor_totype", "_unscale_grads_", "unscale_"})


def _no_double() -> torch.dtype:
    """What a cast on the device to float64 gives: float32, as on the real one (ToKernelNpu.cpp).

    The real one also warns where PyTorch itself casts, to print a tensor or to unscale gradients, which tells
    a learner nothing.
    """
    if not _Warned.double and sys._getframe(2).f_code.co_name not in _QUIET:
        _Warned.double = True
        warnings.warn("Device do not support double dtype now, dtype cast replace with float.", stacklevel=3)
    return torch.float32


class _Warned:
    """Whether a warning that is given once was given."""

    double = False


def contiguous(self: Tensor, *, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    """Kernel of aten::contiguous above autograd, which sees the copy.

    Raises:
        RuntimeError: for channels_last, which the device does not have, unless the tensor lies so already.
    """
    if memory_format is torch.preserve_format or self.is_contiguous(memory_format=memory_format):
        return self
    if memory_format is not torch.contiguous_format:
        raise RuntimeError(
            "NPU contiguous operator only supported contiguous memory format."
            + ops_error(ErrCode.NOT_SUPPORT)
        )
    return self.clone(memory_format=memory_format)


def _local_scalar_dense(self: Tensor) -> Any:
    """Kernel of aten::_local_scalar_dense (`item()`): the host waits for the stream."""
    sync_debug.waits()
    read_back(self.get_device(), self.element_size())
    return alias(self).item()


def record_stream(self: Tensor, s: torch.Stream) -> None:
    """Kernel of aten::record_stream: memory is reused in the order of the host's calls, nothing is to do."""


KERNELS: dict[str, Callable[..., Any]] = {
    "copy_": copy_,
    "_copy_from": _copy_from,
    "_foreach_copy_": foreach_copy_,
    "_copy_from_and_resize": _copy_from_and_resize,
    "_to_copy": _to_copy,
    "clone": clone,
    "_local_scalar_dense": _local_scalar_dense,
    "record_stream": record_stream,
}
