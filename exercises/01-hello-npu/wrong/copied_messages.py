# ---
# about: Looks for the whole sentences seen above, so another wording or another card is missed.
# loses: {read_error: 1}
# ---
# %% read_error
MIXED = (
    "Expected all tensors to be on the same device. "
    "Expected NPU tensor, please check whether the input tensor device is correct."
)
NUMPY = (
    "can't convert npu:0 device type tensor to numpy. "
    "Use Tensor.cpu() to copy the tensor to host memory first."
)


def triage(error):
    text = str(error)
    if MIXED in text:
        return "mixed"
    if text == NUMPY:
        return "host"
    return "memory" if isinstance(error, torch.OutOfMemoryError) else "other"
