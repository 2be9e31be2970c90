# ---
# about: Divides in whole numbers and loses the last, unfilled block.
# loses: {align: 2, predict: 4}
# ---
# %% align
def aligned(m, k, n, dtype):
    deep = {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype]
    return m // 16 * 16, k // deep * deep, n // 16 * 16


# %% predict
def cube_cycles(m, k, n, dtype, cores):
    deep = {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype]
    rows, blocks, columns = m // 16, k // deep, n // 16
    return min(rows // down * (columns // (cores // down)) * blocks for down in range(1, cores + 1))
