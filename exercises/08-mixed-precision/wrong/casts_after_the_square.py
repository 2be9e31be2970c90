# ---
# about: Squares in the type that came, and casts the sum.
# loses: {rms_norm: 2}
# ---
# %% rms_norm
class RMSNorm(nn.Module):
    """Root mean square, cast too late."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        mean_square = (x * x).float().mean(-1, keepdim=True)
        return (x * torch.rsqrt(mean_square + self.eps) * self.weight).to(x.dtype)
