# ---
# about: Computes in float32 and forgets the way back.
# loses: {rms_norm: 3}
# ---
# %% rms_norm
class RMSNorm(nn.Module):
    """Root mean square that gives back float32."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight
