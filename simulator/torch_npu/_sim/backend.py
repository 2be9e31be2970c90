"""Puts the device under PyTorch: its name, its module, its guard, its kernels and its tensor methods."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import torch
from torch.utils import backend_registration

from torch_npu._sim import (
    accelerator,
    data_parallel,
    generators,
    guard,
    hccl,
    pinning,
    registration,
    runtime,
    storage_swap,
    untyped_storage,
)

if TYPE_CHECKING:
    from types import ModuleType

NAME = "npu"
_keep: list[Any] = []


class _Hooks(torch._C._acc.PrivateUse1Hooks):
    """What PyTorch asks of a device type."""

    def is_built(self) -> bool:
        return True

    def is_available(self) -> bool:
        return runtime.device_count() > 0

    def has_primary_context(self, _index: int) -> bool:
        return runtime.is_initialized()


def install(module: ModuleType) -> None:
    """Registers the device "npu" with PyTorch.

    Args:
        module: becomes `torch.npu`.
    """
    backend_registration.rename_privateuse1_backend(NAME)
    backend_registration.generate_methods_for_privateuse1_backend(for_storage=True)
    torch._register_device_module(NAME, module)  # type: ignore[no-untyped-call]
    hooks = _Hooks()
    pinning.install(hooks)
    _keep.append(hooks)
    torch._C._acc.register_python_privateuseone_hook(hooks)
    guard.install(runtime.device_count)
    collecting = gc.isenabled()
    gc.disable()  # thousands of new functions would make Python search all of PyTorch for garbage
    try:
        registration.register_all()
    finally:
        if collecting:
            gc.enable()
    untyped_storage.install()
    storage_swap.install()
    generators.install()
    accelerator.install(module)
    hccl.install()
    data_parallel.install()
    # The kernels run on the CPU: in a thread of autograd's own they would have a second team of OpenMP, and
    # both teams wait actively on the same cores. Holds for this thread; a step takes a fifth less.
    torch._C._set_multithreading_enabled(False)
