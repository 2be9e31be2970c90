# ---
# about: Tries only grids that use all cores, though one that leaves a core idle may be better.
# loses: {predict: 2}
# ---
# %% predict
def cube_cycles(m, k, n, dtype, cores):
    rows, columns = -(-m // 16), -(-n // 16)
    deep = -(-k // {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype])
    grids = [(down, cores // down) for down in range(1, cores + 1) if cores % down == 0]
    return deep * min(-(-rows // down) * -(-columns // across) for down, across in grids)
