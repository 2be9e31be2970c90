"""NPU tensors in `torch.multiprocessing`."""
