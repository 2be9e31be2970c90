# ---
# about: Puts mean and deviation on npu:0 when the layer is made, so it works nowhere else.
# loses: {repair: 1}
# ---
# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = torch.tensor(mean, device="npu:0")
        self.std = torch.tensor(std, device="npu:0")

    def forward(self, x):
        return (x - self.mean) / self.std
