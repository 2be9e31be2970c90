# ---
# about: Adds a block to sizes that fill theirs already.
# loses: {align: 2}
# ---
# %% align
def aligned(m, k, n, dtype):
    deep = {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype]
    return (m // 16 + 1) * 16, (k // deep + 1) * deep, (n // 16 + 1) * 16
