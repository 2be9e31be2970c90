# ---
# about: Packs with NumPy, and leaves the result on the host.
# loses: {pack_matrix: 1, unpack_matrix: 1, pack_images: 1}
# ---
# %% pack_matrix
def to_nz(x):
    c0 = 32 // x.element_size()
    m, n = x.shape[-2:]
    x = functional.pad(x.cpu(), (0, -n % c0, 0, -m % 16)).numpy()
    x = x.reshape(*x.shape[:-2], -(-m // 16), 16, -(-n // c0), c0)
    order = (2, 0, 1, 3) if x.ndim == 4 else (0, 3, 1, 2, 4)
    return torch.from_numpy(x.transpose(order).copy())


# %% unpack_matrix
def from_nz(packed, m, n):
    rows = packed.cpu().movedim(-4, -2)
    rows = rows.reshape(*packed.shape[:-4], packed.shape[-3] * 16, packed.shape[-4] * packed.shape[-1])
    return rows[..., :m, :n].contiguous()


# %% pack_images
def to_5hd(x):
    c0 = 32 // x.element_size()
    x = x.cpu()
    x = functional.pad(x, (0, 0, 0, 0, 0, -x.shape[1] % c0))
    return x.unflatten(1, (-1, c0)).permute(0, 1, 3, 4, 2).contiguous()
