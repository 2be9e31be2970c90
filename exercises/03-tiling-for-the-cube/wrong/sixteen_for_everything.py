# ---
# about: Takes 16 for the block's size whatever the type.
# loses: {align: 1, pack_matrix: 1, pack_images: 1, predict: 3}
# ---
# %% align
def aligned(m, k, n, dtype):
    return tuple(-(-size // 16) * 16 for size in (m, k, n))


# %% pack_matrix
def to_nz(x):
    m, n = x.shape[-2:]
    x = functional.pad(x, (0, -n % 16, 0, -m % 16))
    blocks = x.reshape(*x.shape[:-2], -(-m // 16), 16, -(-n // 16), 16)
    return blocks.movedim(-2, -4).contiguous()


# %% pack_images
def to_5hd(x):
    batch, channels, height, width = x.shape
    x = functional.pad(x, (0, 0, 0, 0, 0, -channels % 16))
    return x.reshape(batch, -1, 16, height, width).permute(0, 1, 3, 4, 2).contiguous()


# %% predict
def cube_cycles(m, k, n, dtype, cores):
    rows, blocks, columns = -(-m // 16), -(-k // 16), -(-n // 16)
    grids = [(down, cores // down) for down in range(1, cores + 1)]
    return min(-(-rows // down) * -(-columns // across) for down, across in grids) * blocks
