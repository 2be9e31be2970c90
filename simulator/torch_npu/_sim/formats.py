"""Internal memory formats: which one a storage is in, and casts between them.

The values lie in the plain order whatever the format; the format is remembered, and a cast is charged.
"""

from __future__ import annotations

import warnings
import weakref
from typing import Any

import torch
from torch import Tensor

from torch_npu._sim.kernels import charge, mixed_with_host
from torch_npu._sim.storages import adopt, alias, spec_of
from torch_npu.npu._format import Format
from torch_npu.npu.npu_config import get_option

_BASE = frozenset({Format.NCHW, Format.NHWC, Format.ND, Format.NCDHW, Format.HWCN, Format.NCL, Format.NC})
_known: weakref.WeakKeyDictionary[torch.UntypedStorage, Format] = weakref.WeakKeyDictionary()


def get_npu_format(self: Tensor) -> Format:
    """The memory format of an NPU tensor: what it was cast to, else NCHW, NCDHW or ND by its dimensions.

    Raises:
        RuntimeError: it is not on the NPU.
    """
    if self.get_device() < 0:
        raise mixed_with_host()
    found = _known.get(self.untyped_storage())
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
    if target not in _BASE and get_option("ALLOW_INTERNAL_FORMAT") != "enable":
        warnings.warn(
            "Cannot create tensor with internal format while allow_internal_format=False, "
            "tensor will be created with base format.",
            stacklevel=2,
        )
        return self
    if target is before:
        return self
    with torch.no_grad():
        result = adopt(alias(self.detach()).clone(), self.get_device())
    charge(self.get_device(), "TransData", "transpose", [spec_of(self)], [spec_of(result)])
    _known[result.untyped_storage()] = target
    return result


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
    if wanted in _BASE or get_option("ALLOW_INTERNAL_FORMAT") == "enable":
        _known[result.untyped_storage()] = wanted
    return result


def get_storage_size(self: Tensor) -> int:
    """The number of elements that the tensor's storage has room for."""
    return self.untyped_storage().nbytes() // self.element_size()
