# ---
# about: Answers with tensors of no dimension.
# ---
# %% double
import torch


def double(x):
    return torch.tensor(x, dtype=torch.float64 if isinstance(x, float) else torch.int64) * 2

# %% total
import torch


def total(numbers):
    return torch.tensor(numbers, dtype=torch.int64).sum()
