# ---
# about: Compares the largest gradient with float16's limit, which inf fails; nan is not larger than anything.
# loses: {loss_scale: 1}
# ---
# %% loss_scale
class LossScale:
    """Dynamic loss scaling that sees no nan."""

    def __init__(self, value=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value, self.growth, self.backoff, self.interval = value, growth, backoff, interval
        self.good = 0

    def scale(self, loss):
        return loss * self.value

    def step(self, optimizer):
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if torch.nn.utils.get_total_norm(grads, math.inf).item() > 3e38:
            self.value *= self.backoff
            self.good = 0
            return False
        torch._foreach_mul_(grads, 1 / self.value)
        optimizer.step()
        self.good += 1
        if self.good == self.interval:
            self.value *= self.growth
            self.good = 0
        return True
