# ---
# about: Gives back float16 whatever came.
# loses: {rms_norm: 1}
# ---
# %% rms_norm
class RMSNorm(nn.Module):
    """Root mean square that knows one type."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        x = x.float()
        return (x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight).half()
