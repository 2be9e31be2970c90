"""`from torch_npu.contrib import transfer_to_npu`: a script written for CUDA runs on the NPU unchanged.

Importing this module replaces, for the rest of the process, what names CUDA by what names the NPU. Its reach
and its limits are those of torch_npu/contrib/transfer_to_npu.py in Ascend/pytorch: `torch.jit.script` is
disabled, a later comparison of the backend with 'nccl' fails, device properties lack what only CUDA has.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]  # not in its __all__
from torch.utils._device import DeviceContext, _device_constructors

from torch_npu import npu, profiler
from torch_npu.profiler import _ExperimentalConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Functions whose device argument is rewritten.
TORCH = (
    "logspace randint hann_window rand full_like ones_like rand_like randperm arange frombuffer normal "
    "_empty_per_channel_affine_quantized empty_strided empty_like scalar_tensor tril_indices "
    "bartlett_window ones sparse_coo_tensor randn kaiser_window tensor triu_indices as_tensor zeros "
    "randint_like full eye _sparse_csr_tensor_unsafe empty _sparse_coo_tensor_unsafe blackman_window "
    "zeros_like range sparse_csr_tensor randn_like from_file _cudnn_init_dropout_state "
    "_empty_affine_quantized linspace hamming_window empty_quantized _pin_memory load "
    "set_default_device get_device_module sparse_compressed_tensor "
)
TENSOR = "new_empty new_empty_strided new_full new_ones new_tensor new_zeros to pin_memory"
MODULE = "to to_empty"
CUDA = (
    "get_device_properties get_device_name get_device_capability list_gpu_processes set_device "
    "synchronize mem_get_info memory_stats memory_summary memory_allocated max_memory_allocated "
    "reset_max_memory_allocated memory_reserved max_memory_reserved reset_max_memory_cached "
    "reset_peak_memory_stats default_stream can_device_access_peer current_stream utilization "
    "set_per_process_memory_fraction caching_allocator_alloc "
)
DEVICE_ARGUMENTS = ("device", "device_type", "map_location", "device_id")
_METHODS = ("torch.Tensor.npu", "torch.nn.Module.npu")
# Positional whole numbers mean a device in these.
NUMBERED = frozenset({"to", "to_empty"})


def _renamed(value: Any, *, number_is_device: bool) -> Any:
    """An argument with "cuda" replaced by "npu"."""
    if isinstance(value, str):
        return value.replace("cuda", "npu")
    if isinstance(value, torch.device):
        if value.type != "cuda":
            return value
        return torch.device("npu") if value.index is None else torch.device("npu", value.index)
    if isinstance(value, dict):
        return _replace_cuda_to_npu_in_dict(value)
    if number_is_device and isinstance(value, int) and not isinstance(value, bool):
        return f"npu:{value}"
    return value


def _replace_cuda_to_npu_in_dict(mapping: dict[Any, Any]) -> dict[Any, Any]:
    """A dictionary with "cuda" replaced in its keys and values."""
    return {
        _renamed(k, number_is_device=False): _renamed(v, number_is_device=False) for k, v in mapping.items()
    }


def _wrapper_cuda(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with devices named "cuda" replaced among its arguments."""
    numbered = getattr(function, "__name__", "") in NUMBERED

    @functools.wraps(function)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        args = tuple(
            _renamed(a, number_is_device=numbered) if isinstance(a, str | torch.device | dict | int) else a
            for a in args
        )
        for name in DEVICE_ARGUMENTS:
            if kwargs.get(name) is not None:
                kwargs[name] = _renamed(kwargs[name], number_is_device=True)
        ids = kwargs.get("device_ids")
        if isinstance(ids, list | tuple):
            kwargs["device_ids"] = type(ids)(_renamed(i, number_is_device=numbered) for i in ids)
        return function(*args, **kwargs)

    return replaced


def _wrapper_hccl(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the backend nccl replaced by hccl."""

    def renamed(value: Any) -> Any:
        return value.replace("nccl", "hccl").replace("cuda", "npu") if isinstance(value, str) else value

    @functools.wraps(function)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        if "backend" in kwargs:
            kwargs["backend"] = renamed(kwargs["backend"])
        return function(*(renamed(a) for a in args), **kwargs)

    return replaced


def _wrapper_profiler(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function without settings that only CUDA's profiler has."""

    @functools.wraps(function)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        config = kwargs.get("experimental_config")
        if config is not None and not isinstance(config, _ExperimentalConfig):
            logging.warning(  # noqa: LOG015 - where the real one says it
                "The parameter experimental_config of torch.profiler.profile has been removed by "
                "transfer_to_npu: it is for CUDA. Give a torch_npu.profiler._ExperimentalConfig."
            )
            del kwargs["experimental_config"]
        return function(*args, **kwargs)

    return replaced


class _EventType(type(torch.Event)):  # type: ignore[misc]  # the metaclass of a class made in C++
    """Makes events, on the NPU where "cuda" is named."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _wrapper_cuda(super().__call__)(*args, **kwargs)


class _Event(torch.Event, metaclass=_EventType):
    """`torch.Event` for whose device "cuda" means the NPU."""


def _wrap(owner: Any, names: Iterable[str]) -> None:
    for name in names:
        function = getattr(owner, name, None)
        if function is not None:
            setattr(owner, name, _wrapper_cuda(function))


def _announce() -> None:
    rank = os.environ.get("RANK")
    if rank not in {None, "0"}:
        return
    replaced = [
        *(f"torch.{n}" for n in TORCH.split()),
        *(f"torch.Tensor.{n}" for n in TENSOR.split()),
        *(f"torch.nn.Module.{n}" for n in MODULE.split()),
    ]
    frame = "    " + "*" * 109
    double = "cause the double type is not supported now.."
    lines = [
        f"The torch.Tensor.cuda and torch.nn.Module.cuda are replaced with {' and '.join(_METHODS)} now..",
        f"The torch.cuda.DoubleTensor is replaced with torch.npu.FloatTensor {double}",
        "The backend in torch.distributed.init_process_group set to hccl now..",
        "The torch.cuda.* and torch.cuda.amp.* are replaced with torch.npu.* and torch.npu.amp.* now..",
        "The device parameters have been replaced with npu in the function below:",
        ", ".join(replaced),
    ]
    text = "\n".join(["", frame, *("    " + line for line in lines), frame, "    "])
    warnings.warn(text, ImportWarning, stacklevel=2)


def _replace_cuda() -> None:
    torch.cuda = npu
    for name in ("cuda", "cuda.amp", "cuda.random", "cuda.streams", "cuda.memory"):
        tail = name.partition(".")[2]
        sys.modules[f"torch.{name}"] = getattr(npu, tail) if tail else npu
    _wrap(npu, CUDA.split())
    npu.device.__init__ = _wrapper_cuda(npu.device.__init__)  # type: ignore[method-assign]
    vars(npu).setdefault("_is_compiled", npu.is_available)  # torch.utils.cpp_extension asks
    vars(npu)["DoubleTensor"] = vars(npu)["FloatTensor"]


def _replace_tensors() -> None:
    tensor: Any = torch.Tensor
    module: Any = torch.nn.Module
    storage: Any = torch.storage.TypedStorage
    _wrap(torch, TORCH.split())
    _wrap(tensor, TENSOR.split())
    _wrap(module, MODULE.split())
    _wrap(torch.fft, ("fftfreq", "rfftfreq"))
    tensor.cuda, tensor.is_cuda = tensor.npu, tensor.is_npu
    module.cuda = module.npu
    storage.is_cuda = storage.is_npu
    mixin: Any = UninitializedTensorMixin
    mixin._allowed_methods = [tensor.to if m.__name__ == "to" else m for m in mixin._allowed_methods]


def _replace_constructors() -> None:
    for owner in (
        torch.amp.autocast_mode.autocast,
        DeviceContext,
        torch.nn.parallel.DistributedDataParallel,
    ):
        owner.__init__ = _wrapper_cuda(owner.__init__)  # type: ignore[method-assign]
    for cls in (torch.UntypedStorage, torch.Generator):
        cls.__new__ = staticmethod(_wrapper_cuda(cls.__new__))  # type: ignore[method-assign]
    names: Any = torch
    names.Event = _Event
    kernel: Any = importlib.import_module("torch.autograd.profiler_util").Kernel
    kernel.__new__ = staticmethod(_wrapper_cuda(kernel.__new__))


def _replace_profiler() -> None:
    """`torch.profiler` records the NPU; its activity CUDA means that."""
    names: Any = torch.profiler
    names.profile = _wrapper_profiler(profiler.profile)
    for name in ("schedule", "tensorboard_trace_handler", "ProfilerAction"):
        setattr(names, name, getattr(profiler, name))
    activity = names.ProfilerActivity
    activity.CUDA, activity.CPU = profiler.ProfilerActivity.NPU, profiler.ProfilerActivity.CPU


def _del_nccl_device_backend_map() -> None:
    """Forgets that tensors on CUDA devices are carried by nccl."""
    known = getattr(torch.distributed.Backend, "default_device_backend_map", {})
    known.pop("cuda", None)


def _replace_distributed() -> None:
    if not torch.distributed.is_available():
        return
    from torch.distributed.fsdp import FullyShardedDataParallel

    from torch_npu.distributed._process_group import ProcessGroupHCCL

    distributed: Any = torch.distributed
    _del_nccl_device_backend_map()
    distributed.is_nccl_available = distributed.is_hccl_available
    distributed.ProcessGroupNCCL = distributed.distributed_c10d.ProcessGroupNCCL = ProcessGroupHCCL
    fsdp: Any = FullyShardedDataParallel
    fsdp.__init__ = _wrapper_cuda(fsdp.__init__)
    distributed.init_process_group = _wrapper_cuda(_wrapper_hccl(distributed.init_process_group))
    c10d = distributed.distributed_c10d
    c10d._new_group_with_tag = _wrapper_hccl(c10d._new_group_with_tag)
    if hasattr(distributed, "device_mesh"):
        mesh = distributed.device_mesh
        mesh.init_device_mesh = _wrapper_cuda(mesh.init_device_mesh)
        mesh.DeviceMesh.__init__ = _wrapper_cuda(mesh.DeviceMesh.__init__)


def _disable_jit() -> None:
    warnings.warn(
        "torch.jit.script and torch.jit.script_method will be disabled by transfer_to_npu, "
        "which currently does not support them. If you need to enable them, "
        "please do not use transfer_to_npu.",
        RuntimeWarning,
        stacklevel=2,
    )
    jit: Any = torch.jit
    jit.script = lambda obj, *_args, **_kwargs: obj
    jit.script_method = lambda function: function


def _import_what_looks_at_cuda() -> None:
    """Modules that read names of the real torch.cuda when imported must be imported before it is gone."""
    importlib.import_module("torch._dynamo.utils")
    importlib.import_module("torch._dynamo.trace_rules")


def _transfer() -> None:
    _import_what_looks_at_cuda()
    _device_constructors()  # remembers the functions as they are, for `with torch.device(...)`
    _announce()
    _replace_cuda()
    _replace_tensors()
    _replace_constructors()
    _replace_profiler()
    extensions: Any = importlib.import_module("torch.utils.cpp_extension")
    extensions.include_paths = _wrapper_cuda(extensions.include_paths)
    _replace_distributed()
    _disable_jit()


_transfer()
