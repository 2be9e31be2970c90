# ---
# about: Writes the blocks down row after row (ZZ instead of NZ), and reads them the same way.
# loses: {pack_matrix: 4, unpack_matrix: 3}
# ---
# %% pack_matrix
def to_nz(x):
    c0 = 32 // x.element_size()
    m, n = x.shape[-2:]
    x = functional.pad(x, (0, -n % c0, 0, -m % 16))
    blocks = x.reshape(*x.shape[:-2], -(-m // 16), 16, -(-n // c0), c0)
    return blocks.transpose(-2, -3).contiguous()


# %% unpack_matrix
def from_nz(packed, m, n):
    n1, m1, _, c0 = packed.shape[-4:]
    rows = packed.reshape(*packed.shape[:-4], m1, n1, 16, c0).transpose(-2, -3)
    return rows.reshape(*packed.shape[:-4], m1 * 16, n1 * c0)[..., :m, :n].contiguous()
