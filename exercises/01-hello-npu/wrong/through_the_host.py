# ---
# about: Silences the error by computing on the host and sending the result back.
# loses: {repair: 1}
# ---
# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = torch.tensor(mean)
        self.std = torch.tensor(std)

    def forward(self, x):
        return ((x.cpu() - self.mean) / self.std).to(x.device)
