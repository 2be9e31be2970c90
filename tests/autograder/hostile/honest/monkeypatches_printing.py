# ---
# about: Changes how PyTorch prints tensors, as many do to see shapes.
# ---
# %% double
import torch

torch.Tensor.__repr__ = lambda self: f"{tuple(self.shape)}"
torch.set_printoptions(precision=2)
torch.manual_seed(1)
print(torch.ones(2, 3))

def double(x):
    return 2 * x
