"""Internal memory formats: which one a storage is in, and casts between them.

The values lie in the plain order whatever the format; the format is remembered, and a cast is charged.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from torch_npu._sim.format_registry import known
from torch_npu._sim.kernels import charge, mixed_with_host
from torch_npu._sim.storages import adopt, alias, spec_of
from torch_npu.npu._format import Format
from torch_npu.npu.npu_config import get_option

BASE = frozenset({Format.NCHW, Format.NHWC, Format.ND, Format.NCDHW, Format.HWCN, Format.NCL, Format.NC})
BLOCK = 16
"""How many rows and columns a fractal block has; of 8-bit types it has twice the columns."""


def get_npu_format(self: Tensor) -> Format:
    """The memory format of an NPU tensor: what it was cast to, else NCHW, NCDHW or ND by its dimensions.

    Raises:
        RuntimeError: it is not on the NPU.
    """
    if self.get_device() < 0:
        raise mixed_with_host()
    found: Format | None = known.get(self.untyped_storage())
    if found is not None:
        return found
    return {4: Format.NCHW, 5: Format.NCDHW}.get(self.dim(), Format.ND)


def npu_format_cast(self: Tensor, acl_format: int | Tensor, **_options: Any) -> Tensor:
    """A tensor with the same values in another memory format.

    Args:
        self: on the NPU.
        acl_format: a `torch_npu.Format`, or a tensor whose format is taken.
    """
    target = get_npu_format(acl_format) if isinstance(acl_format, Tensor) else Format(acl_format)
    before = get_npu_format(self)
    if target is Format.FRACTAL_NZ and self.dim() < 2:  # noqa: PLR2004 - a matrix; a vector stays as it is
        target = Format.ND
    if target not in BASE and get_option("ALLOW_INTERNAL_FORMAT") != "enable":
        warnings.warn(
            "Cannot create tensor with internal format while allow_internal_format=False, "
            "tensor will be created with base format.",
            stacklevel=2,
        )
        return self
    if target is before:
        return self
    if torch.is_grad_enabled() and self.requires_grad:
        cast: Tensor = _Cast.apply(self, target)  # type: ignore[no-untyped-call]
        return cast
    return _cast(self, target)


class _Cast(torch.autograd.Function):
    """The cast with its gradient, which passes as it is."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, target: Format) -> Tensor:
        return _cast(tensor, target)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def _cast(self: Tensor, target: Format) -> Tensor:
    index = self.get_device()
    with torch.no_grad():
        values = alias(self.detach())
        room = padded_size(values.shape, values.dtype, target)
        if room == values.numel():
            result = adopt(values.clone(), index)
        else:  # the values lie in the front of what the format takes
            whole = values.new_zeros(room)
            whole[: values.numel()] = values.reshape(-1)
            result = adopt(whole, index)[: values.numel()].view(values.shape)
    charge(index, "TransData", "transpose", [spec_of(self)], [spec_of(result)])
    known[result.untyped_storage()] = target
    return result


def padded_size(shape: torch.Size, dtype: torch.dtype, target: Format) -> int:
    """How many elements a tensor takes in a format: blocks of 16 rows and 16 columns (int8: 32) are whole.

    Args:
        shape: the tensor's.
        dtype: its type.
        target: FRACTAL_NZ pads the last two dimensions, NC1HWC0 the channels; others take what they hold.
    """
    columns = 2 * BLOCK if dtype.itemsize == 1 else BLOCK
    if target is Format.FRACTAL_NZ and len(shape) > 1:
        *rest, height, width = shape
        return math.prod(rest) * _up(height, BLOCK) * _up(width, columns)
    if target is Format.NC1HWC0 and len(shape) == 4:  # noqa: PLR2004 - batch, channels, height, width
        return shape[0] * _up(shape[1], columns) * shape[2] * shape[3]
    return math.prod(shape)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def npu_format_cast_(self: Tensor, acl_format: int | Tensor, **_options: Any) -> Tensor:
    """Casts a tensor to another memory format in place."""
    cast = npu_format_cast(self, acl_format)
    if cast is not self:
        self.data = cast
    return self


def empty_with_format(
    size: Any,
    *,
    dtype: torch.dtype | None = None,
    layout: torch.layout | None = None,
    device: Any = None,
    pin_memory: bool | None = None,
    acl_format: int = Format.ND,
    base_addr_aligned_kb: int | None = None,
) -> Tensor:
    """A tensor without contents in a memory format.

    Args:
        size: its shape.
        dtype: float32 by default.
        layout: strided.
        device: an NPU, the current one by default.
        pin_memory: not for the NPU.
        acl_format: a `torch_npu.Format`.
        base_addr_aligned_kb: how the memory is aligned; without effect.
    """
    result = torch.empty(
        size, dtype=dtype, layout=layout, device=device or "npu", pin_memory=bool(pin_memory)
    )
    wanted = Format(acl_format)
    if wanted in BASE or get_option("ALLOW_INTERNAL_FORMAT") == "enable":
        known[result.untyped_storage()] = wanted
    return result


def get_storage_size(self: Tensor) -> int:
    """The number of elements that the tensor's storage has room for, the padding of its format included."""
    return self.untyped_storage().nbytes() // self.element_size()
