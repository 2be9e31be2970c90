# ---
# about: Unpacks without cutting off the padding.
# loses: {unpack_matrix: 2}
# ---
# %% unpack_matrix
def from_nz(packed, m, n):
    rows = packed.movedim(-4, -2)
    shape = (*packed.shape[:-4], packed.shape[-3] * 16, packed.shape[-4] * packed.shape[-1])
    return rows.reshape(shape).contiguous()
