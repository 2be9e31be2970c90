# ---
# about: Fills up from the front once, which is not enough for more ranks than photographs.
# loses: {deal: 1}
# ---
# %% deal
def deal(n, rank, size, epoch):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(epoch)).tolist()
    missing = math.ceil(n / size) * size - n
    return (order + order[:missing])[rank::size]
