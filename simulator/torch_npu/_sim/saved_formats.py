"""Memory formats in saved tensors: what was cast to a format is in it again after `torch.load` on an NPU.

utils/serialization.py of Ascend/pytorch keeps the format in the file too; the bytes are PyTorch's own.
"""

from __future__ import annotations

import copyreg
from typing import Any

import torch
from torch import Tensor

from torch_npu._sim.format_registry import known
from torch_npu.npu._format import Format


def rebuild_in_format(rebuild: Any, arguments: tuple[Any, ...], acl_format: int) -> Tensor:
    """A tensor that was saved in a format, known to be in it where it comes back to an NPU."""
    tensor: Tensor = rebuild(*arguments)
    if tensor.get_device() >= 0:
        known[tensor.untyped_storage()] = Format(acl_format)
    return tensor


def _reduced(tensor: Any) -> Any:
    plain = tensor.__reduce_ex__(2)
    found = known.get(tensor.untyped_storage()) if tensor.get_device() >= 0 else None
    return plain if found is None else (rebuild_in_format, (*plain, int(found)))


def install() -> None:
    """Teaches pickle and `torch.load`."""
    for cls in (Tensor, torch.nn.Parameter):
        copyreg.pickle(cls, _reduced)
    torch.serialization.add_safe_globals([rebuild_in_format])
