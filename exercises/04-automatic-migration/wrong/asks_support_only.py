# ---
# about: Asks every card for support, so that old GPUs emulate bfloat16.
# loses: {amp_dtype: 1}
# ---
# %% amp_dtype
def amp_dtype(cuda):
    return torch.bfloat16 if cuda.is_bf16_supported() else torch.float16
