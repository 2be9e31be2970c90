# ---
# about: Catches the TypeError and takes float16, also on a card that computes in bfloat16.
# loses: {amp_dtype: 1}
# ---
# %% amp_dtype
def amp_dtype(cuda):
    try:
        return torch.bfloat16 if cuda.get_device_capability() >= (8, 0) else torch.float16
    except TypeError:
        return torch.float16
