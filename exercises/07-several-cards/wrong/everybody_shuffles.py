# ---
# about: Every rank shuffles by a seed of its own.
# loses: {deal: 2}
# ---
# %% deal
def deal(n, rank, size, epoch):
    seed = epoch * 1000 + rank
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    padded = [order[i % n] for i in range(math.ceil(n / size) * size)]
    return padded[rank::size]
