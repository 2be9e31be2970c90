# ---
# about: Believes that reshape alone brings the numbers into the new order.
# loses: {pack_matrix: 4, unpack_matrix: 3, pack_images: 3}
# ---
# %% pack_matrix
def to_nz(x):
    c0 = 32 // x.element_size()
    m, n = x.shape[-2:]
    x = functional.pad(x, (0, -n % c0, 0, -m % 16))
    return x.reshape(*x.shape[:-2], -(-n // c0), -(-m // 16), 16, c0)


# %% unpack_matrix
def from_nz(packed, m, n):
    n1, m1, _, c0 = packed.shape[-4:]
    return packed.reshape(*packed.shape[:-4], m1 * 16, n1 * c0)[..., :m, :n].contiguous()


# %% pack_images
def to_5hd(x):
    c0 = 32 // x.element_size()
    batch, channels, height, width = x.shape
    x = functional.pad(x, (0, 0, 0, 0, 0, -channels % c0))
    return x.reshape(batch, -1, height, width, c0)
