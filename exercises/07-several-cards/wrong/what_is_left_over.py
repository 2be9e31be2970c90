# ---
# about: Deals without filling up, so some ranks have one photograph more.
# loses: {deal: 2}
# ---
# %% deal
def deal(n, rank, size, epoch):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(epoch)).tolist()
    return order[rank::size]
