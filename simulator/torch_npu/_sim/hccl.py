"""Makes the backend "hccl" known to `torch.distributed`; the group itself is imported when one is made."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist

from torch_npu._sim import late_patches


def _create(*arguments: Any) -> Any:
    from torch_npu.distributed._process_group import create

    return create(*arguments)


def install() -> None:
    """Registers the backend, where PyTorch was built with `torch.distributed`."""
    if not dist.is_available():
        return
    names: Any = dist
    dist.Backend.register_backend("hccl", _create, extended_api=True, devices=["npu"])
    names.is_hccl_available = dist.is_gloo_available
    late_patches.install()
