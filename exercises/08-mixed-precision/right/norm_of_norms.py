# ---
# about: Steps last, takes the exponent from frexp, and divides by the root.
# ---
# %% loss_scale
class LossScale:
    """Dynamic loss scaling with a tensor for the look."""

    def __init__(self, value=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value, self.growth, self.backoff, self.interval = value, growth, backoff, interval
        self.good = 0

    def scale(self, loss):
        return loss.mul(self.value)

    def step(self, optimizer):
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        largest = torch.nn.utils.get_total_norm(grads, norm_type=math.inf, foreach=True)
        if not torch.isfinite(largest).all():
            self.good, self.value = 0, self.value * self.backoff
            return False
        torch._foreach_mul_(grads, 1.0 / self.value)
        self.good += 1
        if self.good >= self.interval:
            self.good, self.value = 0, self.value * self.growth
        optimizer.step()
        return True


# %% static_scale
def static_scale(gradients, room):
    largest = torch.stack([g.abs().max().cpu() for g in gradients]).max().double().item()
    if not largest:
        return 1.0
    _, exponent = math.frexp(65504 / room / largest)
    return math.ldexp(1.0, exponent - 1)


# %% rms_norm
class RMSNorm(nn.Module):
    """Divide first by the root, in float32 throughout."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones(width)))
        self.eps = eps

    def forward(self, x):
        root = torch.sqrt(x.float().square().mean(dim=-1, keepdim=True) + self.eps)
        return (self.weight * (x.float() / root)).type_as(x)
