# ---
# about: Works for whole blocks only; nothing is padded.
# loses: {pack_matrix: 3, pack_images: 3}
# ---
# %% pack_matrix
def to_nz(x):
    c0 = 32 // x.element_size()
    m, n = x.shape[-2:]
    blocks = x.reshape(*x.shape[:-2], m // 16, 16, n // c0, c0)
    return blocks.movedim(-2, -4).contiguous()


# %% pack_images
def to_5hd(x):
    c0 = 32 // x.element_size()
    batch, channels, height, width = x.shape
    return x.reshape(batch, channels // c0, c0, height, width).permute(0, 1, 3, 4, 2).contiguous()
