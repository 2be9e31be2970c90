# ---
# about: Gives each core some rows and never cuts the columns.
# loses: {predict: 3}
# ---
# %% predict
def cube_cycles(m, k, n, dtype, cores):
    deep = {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype]
    rows, depth, columns = -(-m // 16), -(-k // deep), -(-n // 16)
    return -(-rows // cores) * columns * depth
