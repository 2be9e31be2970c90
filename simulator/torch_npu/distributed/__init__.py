"""`torch_npu.distributed`: HCCL between the simulated NPUs of one machine."""

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
