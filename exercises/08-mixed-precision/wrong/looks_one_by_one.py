# ---
# about: Looks at each gradient on the host, and divides each by a launch of its own.
# loses: {loss_scale: 2}
# ---
# %% loss_scale
class LossScale:
    """Dynamic loss scaling, slowly."""

    def __init__(self, value=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value, self.growth, self.backoff, self.interval = value, growth, backoff, interval
        self.good = 0

    def scale(self, loss):
        return loss * self.value

    def step(self, optimizer):
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if not all(bool(g.isfinite().all()) for g in grads):
            self.value *= self.backoff
            self.good = 0
            return False
        for g in grads:
            g.div_(self.value)
        optimizer.step()
        self.good += 1
        if self.good == self.interval:
            self.value *= self.growth
            self.good = 0
        return True
