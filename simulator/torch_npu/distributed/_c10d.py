"""What `torch_npu._C._distributed_c10d` has on a server: the group and its options."""

from torch_npu.distributed._process_group import ProcessGroupHCCL

__all__ = ["ProcessGroupHCCL"]
