# ---
# about: Makes mean and deviation parameters, so that they move along, but are trained away as well.
# loses: {repair: 1}
# ---
# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean))
        self.std = nn.Parameter(torch.tensor(std))

    def forward(self, x):
        return (x - self.mean) / self.std
