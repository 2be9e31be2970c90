# ---
# about: Divides all blocks evenly among the cores, as if none ever waited for another.
# loses: {predict: 2}
# ---
# %% predict
def cube_cycles(m, k, n, dtype, cores):
    deep = {torch.float16: 16, torch.int8: 32, torch.float32: 4}[dtype]
    return -(-(-(-m // 16) * -(-n // 16)) // cores) * -(-k // deep)
