"""The library of ready operators under torch_npu."""
