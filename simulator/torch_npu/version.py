"""The version of torch_npu whose interface is imitated."""

__version__ = "2.13.0"
