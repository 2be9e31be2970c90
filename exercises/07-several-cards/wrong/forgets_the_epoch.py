# ---
# about: Shuffles in the same way in every epoch, as a sampler does that nobody told the epoch.
# loses: {deal: 1}
# ---
# %% deal
def deal(n, rank, size, epoch):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0)).tolist()
    padded = [order[i % n] for i in range(math.ceil(n / size) * size)]
    return padded[rank::size]
