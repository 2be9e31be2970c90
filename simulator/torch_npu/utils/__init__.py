"""Helpers around the device: error messages, combined tensors, the environment."""

from importlib import import_module as _import_module

# Where each name comes from; imported when asked for, because the device itself needs `utils._error_code`.
_LATER = {
    "FlopsCounter": "flops_count",
    "get_cann_version": "cann",
    "get_part_combined_tensor": "combine_tensors",
    "is_combined_tensor_valid": "combine_tensors",
    "npu_combine_tensors": "combine_tensors",
    "reset_thread_affinity": "affinity",
    "save_async": "serialization",
    "set_thread_affinity": "affinity",
}


def __getattr__(name: str) -> object:
    if name == "storage":
        return _import_module(f"{__name__}.storage")
    if name in _LATER:
        return getattr(_import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
