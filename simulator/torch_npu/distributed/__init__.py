"""`torch_npu.distributed`: HCCL between the simulated NPUs of one machine."""

import torch.distributed as _dist

from torch_npu.distributed.distributed_c10d import (
    all_gather_into_tensor_uneven,
    is_hccl_available,
    reduce_scatter_tensor_uneven,
    reinit_process_group,
)

__all__ = [
    "all_gather_into_tensor_uneven",
    "is_available",
    "is_hccl_available",
    "reduce_scatter_tensor_uneven",
    "reinit_process_group",
]


def is_available() -> bool:
    """Whether collectives between NPUs can be used."""
    return is_hccl_available()


def _is_support_hccl_comm_name() -> bool:
    """Whether a program may name communicators."""
    return True


# A sum before which each rank multiplies with a factor. PyTorch has it under NCCL's name.
_make_hccl_premul_sum = getattr(_dist, "_make_nccl_premul_sum", None)
