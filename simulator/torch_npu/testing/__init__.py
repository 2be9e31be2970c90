"""What tests written for the real torch_npu import: cases, tensors on both devices, decorators."""
