"""The simulated NPU as PyTorch sees it.

`import torch` alone is enough, or `import torch, torch_npu` as on a server.
"""

import os as _os
from importlib import import_module as _import_module

# PyTorch would import this package again while it is being imported: its entry point is put off meanwhile.
_autoload_setting = _os.environ.get("TORCH_DEVICE_BACKEND_AUTOLOAD")
_os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "0"


def _restore_autoload() -> None:
    if _autoload_setting is None:
        del _os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"]
    else:
        _os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = _autoload_setting


import torch  # noqa: E402 - after the switch above

if "cann_environment" in _os.environ.get("NPUSIM_FAULT", "").replace(" ", "").split(","):  # npusim.faults
    from torch_npu._sim import broken as _broken

    _restore_autoload()
    raise _broken.missing_library()

from torch_npu import npu  # noqa: E402
from torch_npu._sim import backend as _backend  # noqa: E402
from torch_npu.version import __version__  # noqa: E402

__all__ = [
    "Format",
    "__version__",
    "empty_with_format",
    "get_npu_format",
    "get_storage_size",
    "npu",
    "npu_format_cast",
    "npu_format_cast_",
    "unsupported_dtype",
]

_backend.install(npu)

from torch_npu import _apex  # noqa: E402 - needs the device
from torch_npu._ops import _namespace  # noqa: E402 - as above
from torch_npu.multiprocessing import reductions as _reductions  # noqa: E402 - needs the device

_reductions.install()
_apex.install()
setattr(torch.ops, "npu", _namespace.Namespace(torch.ops.npu))  # noqa: B010 - made of modules, it has no such field

from torch_npu._sim.formats import (  # noqa: E402 - needs the device
    empty_with_format,
    get_npu_format,
    get_storage_size,
    npu_format_cast,
    npu_format_cast_,
)
from torch_npu.npu._format import Format  # noqa: E402 - as above

_restore_autoload()

unsupported_dtype = [torch.quint8, torch.quint4x2, torch.quint2x4, torch.qint32, torch.qint8]
"""The types that no operator of torch_npu takes (its `__init__.py`); MindSpeed reads the list."""

# What few programs need is imported when it is asked for: `import torch` stays quick.
_LATER = frozenset({"_C", "contrib", "distributed", "optim", "profiler", "testing"})
_OTHER_OPERATORS = frozenset(
    {
        "batch_norm_gather_stats_update",
        "batch_norm_reduce",
        "copy_memory_",
        "dropout_with_byte_mask",
        "erase_stream",
        "fast_gelu",
        "matmul_checksum",
        "one_",
        "scatter_update",
        "scatter_update_",
    }
)
_FUNCTIONS = {
    "empty_with_swapped_memory": "_sim.factories",
    "npu_change_data_ptr": "utils.combine_tensors",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return _import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(_import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    if name.startswith("npu_") or name in _OTHER_OPERATORS:
        from torch_npu._ops import TABLE

        if name in TABLE:
            found = getattr(_import_module(f"{__name__}._ops.{TABLE[name]}"), name)
            globals()[name] = found
            return found
        from torch_npu._ops import not_simulated

        if name in not_simulated.REASONS:
            raise not_simulated.refusal(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _autoload() -> None:
    """Called by PyTorch at `import torch` (entry point `torch.backends`); the import did the work."""


def _transfer_if_asked() -> None:
    """What `from torch_npu.contrib import transfer_to_npu` does, where TORCH_TRANSFER_TO_NPU=1."""
    asked = _os.environ.get("TORCH_TRANSFER_TO_NPU", "0")
    if asked not in {"0", "1"}:
        raise ValueError(f"Invalid value for TORCH_TRANSFER_TO_NPU: {asked}. Only '0' or '1' is supported.")
    if asked == "1":
        _import_module(f"{__name__}.contrib.transfer_to_npu")


_transfer_if_asked()
