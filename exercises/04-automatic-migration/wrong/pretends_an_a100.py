# ---
# about: Puts in a fixed capability where there is none, as a hint in the tool's report suggests.
# loses: {amp_dtype: 1}
# ---
# %% amp_dtype
def amp_dtype(cuda):
    capability = cuda.get_device_capability() or (8, 0)
    return torch.bfloat16 if capability >= (8, 0) else torch.float16
