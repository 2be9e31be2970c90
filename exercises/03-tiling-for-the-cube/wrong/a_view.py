# ---
# about: Returns views with the right indices, whose memory is still in the old order.
# loses: {pack_matrix: 4, pack_images: 3}
# ---
# %% pack_matrix
def to_nz(x):
    c0 = 32 // x.element_size()
    m, n = x.shape[-2:]
    x = functional.pad(x, (0, -n % c0, 0, -m % 16))
    return x.reshape(*x.shape[:-2], -(-m // 16), 16, -(-n // c0), c0).movedim(-2, -4)


# %% pack_images
def to_5hd(x):
    c0 = 32 // x.element_size()
    batch, channels, height, width = x.shape
    x = functional.pad(x, (0, 0, 0, 0, 0, -channels % c0))
    return x.reshape(batch, -1, c0, height, width).permute(0, 1, 3, 4, 2)
