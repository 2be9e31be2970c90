"""The tensor and storage types of the time before `device=`: torch.npu.FloatTensor(2, 3) and so on."""

from __future__ import annotations

from typing import Any

import torch
from torch._utils import classproperty
from torch.storage import _LegacyStorage, _warn_typed_storage_removal

from torch_npu._sim import runtime
from torch_npu.utils._error_code import ErrCode, pta_error

_DTYPES = {
    "BFloat16": torch.bfloat16,
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "Int": torch.int32,
    "Long": torch.int64,
    "Short": torch.int16,
}


class _TensorType(type):
    """A class that has no instances of its own: it makes tensors, and knows those of its device and dtype."""

    dtype: torch.dtype

    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, torch.Tensor)
            and instance.dtype is cls.dtype
            and instance.device.type == "npu"
        )

    def __call__(cls, *args: Any, device: Any = None, **_kwargs: Any) -> torch.Tensor:
        place = "npu" if device is None else torch.device(device)
        if len(args) == 1 and isinstance(args[0], torch.Size):
            return torch.empty(args[0], dtype=cls.dtype, device=place)
        if len(args) == 1 and not isinstance(args[0], int):
            return torch.as_tensor(args[0], dtype=cls.dtype, device=place)
        return torch.empty(args, dtype=cls.dtype, device=place)


def _storage_type(name: str, dtype: torch.dtype) -> type:
    def get_dtype(_self: object = None) -> torch.dtype:
        _warn_typed_storage_removal()  # type: ignore[no-untyped-call]
        return dtype

    def from_buffer(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("from_buffer: Not available for NPU storage" + pta_error(ErrCode.UNAVAIL))

    property_of_class: Any = classproperty
    members = {"dtype": property_of_class(get_dtype), "from_buffer": classmethod(from_buffer)}
    members["_dtype"] = property_of_class(lambda _: dtype)
    return type(name, (_LegacyStorage,), {**members, "__module__": "torch.npu", "is_npu": True})


_type = torch.Tensor.type
_PREFIX = "torch.npu."
_by_name: dict[str, type] = {}


def _type_of(self: torch.Tensor, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`Tensor.type` that knows the types of the NPU as well, as classes and by name.

    As torch_npu replaces it (Ascend/pytorch, torch_npu/utils/tensor_methods.py).
    """
    if isinstance(dtype, str) and dtype.startswith(_PREFIX):
        dtype = _by_name.get(dtype.removeprefix(_PREFIX), dtype)
    if isinstance(dtype, _TensorType):
        place = self.device if self.device.type == "npu" else torch.device("npu")
        return self.to(place, dtype.dtype, *args, **kwargs)
    return _type(self, *([] if dtype is None else [dtype]), *args, **kwargs)


_new = torch.Tensor.new


def _new_of(self: torch.Tensor, *args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
    """`Tensor.new`, which PyTorch makes on the current device: for its call that is the tensor's own."""
    if self.device.type != "npu":
        return _new(self, *args, **kwargs, **({} if device is None else {"device": device}))
    place = self.device if device is None else torch.device(device)
    before = runtime.current_device()
    runtime.set_device(before if place.index is None else place.index)
    try:
        return _new(self, *args, **kwargs, **({} if device is None else {"device": place}))
    finally:
        runtime.set_device(before)


def install(namespace: dict[str, Any]) -> None:
    """Puts the types into the module of the device."""
    for name, dtype in _DTYPES.items():
        body = {"dtype": dtype, "__module__": "torch.npu", "__doc__": f"Tensors of {dtype} on the NPU."}
        _by_name[f"{name}Tensor"] = namespace[f"{name}Tensor"] = _TensorType(f"{name}Tensor", (), body)
        storage = _storage_type(f"{name}Storage", dtype)
        namespace[f"{name}Storage"] = storage
        torch._storage_classes.add(storage)
    torch.Tensor.type = _type_of  # type: ignore[assignment]
    torch.Tensor.new = _new_of  # type: ignore[assignment, method-assign]
