"""Nested tensors of the strided layout, which the real device does not have: refused where one would be made.

Those of `torch.jagged` are put together in Python out of operators that the device has, and work. The real
torch_npu registers no kernel for the strided ones; its own tests leave them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim.storages import NotSimulatedError

if TYPE_CHECKING:
    from torch import Tensor
    from torch._ops import OpOverload

_WAY_OUT = (
    "the NPU has no nested tensors of layout torch.strided. Pass layout=torch.jagged to torch.nested, "
    "or pad the sequences; before nn.TransformerEncoder call torch.backends.mha.set_fastpath_enabled(False)."
)


def refuse(op: OpOverload, *_args: Any, **_kwargs: Any) -> Any:
    """Kernel of every operator on nested NPU tensors, and of those that would make one."""
    name = op._schema.name + (f".{op._overloadname}" if op._overloadname != "default" else "")
    raise NotSimulatedError(f"{name} cannot run: {_WAY_OUT}")


def _from_mask(*_args: Any, **_kwargs: Any) -> Tensor:
    return refuse(torch.ops.aten._nested_tensor_from_mask.default)  # type: ignore[no-any-return]


def _from_list(*_args: Any, **_kwargs: Any) -> Tensor:
    return refuse(torch.ops.aten._nested_tensor_from_tensor_list.default)  # type: ignore[no-any-return]


def _from_host_list(
    keys: torch._C.DispatchKeySet,
    tensors: list[Tensor],
    dtype: torch.dtype | None = None,
    layout: torch.layout | None = None,
    device: torch.device | None = None,
    pin_memory: bool | None = None,
) -> Tensor:
    if device is not None and device.type == "npu":
        return _from_list()
    made: Tensor = _composed.call_boxed(keys, tensors, dtype, layout, device, pin_memory)
    return made


_composed = torch.library.get_kernel("aten::_nested_tensor_from_tensor_list", "CPU")

# A nested tensor that is there and asks for gradients ends the process with its first operator: PyTorch asks
# for its sizes where nothing may be raised. So none is made, of NPU tensors or of the host's.
REFUSED = {"_nested_tensor_from_tensor_list": _from_list, "_nested_tensor_from_mask": _from_mask}
HOST = {"_nested_tensor_from_tensor_list": _from_host_list}
