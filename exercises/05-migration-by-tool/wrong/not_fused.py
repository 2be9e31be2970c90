# ---
# about: Takes PyTorch's AdamW, which computes the same in many small launches.
# loses: {make_optimizer: 1}
# ---
# %% make_optimizer
def make_optimizer(parameters, lr, weight_decay=0.0):
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
