# ---
# about: Compares with the whole messages seen above, so another operator, card or size is not recognised.
# loses: {read_error: 2}
# ---
# %% read_error
MIXED = "Expected all tensors to be on the same device, but found at least two devices, npu:0 and cpu!"
NUMPY = (
    "can't convert npu:0 device type tensor to numpy. "
    "Use Tensor.cpu() to copy the tensor to host memory first."
)


def triage(error):
    return {MIXED: "mixed", NUMPY: "host"}.get(str(error), "other")
