# ---
# about: What torch and torch_npu bring along, such as npu_rms_norm and the check that torch.amp makes.
# ---
# %% first_overflow
def first_overflow(net, x):
    from torch.nn.modules.module import register_module_forward_hook

    names = {module: name for name, module in net.named_modules() if next(module.children(), None) is None}
    guilty = []

    def look(module, inputs, output):
        if module not in names or guilty:
            return
        fine = [t.isfinite().all() for t in inputs]
        if torch.stack(fine).all() and not output.isfinite().all():
            guilty.append(names[module])

    handle = register_module_forward_hook(look)
    try:
        with torch.inference_mode(), torch.npu.amp.autocast(dtype=torch.float16):
            net(x)
    finally:
        handle.remove()
    return next(iter(guilty), None)


# %% static_scale
def static_scale(gradients, room):
    import numpy as np

    peak = max(np.abs(g.cpu().numpy().astype(np.float64)).max() for g in gradients)
    if peak == 0:
        return 1.0
    return math.ldexp(1.0, math.frexp(65504 / peak / room)[1] - 1)


# %% rms_norm
class RMSNorm(nn.Module):
    """Divide by the root mean square over the last dimension, by torch_npu's own operator."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return torch_npu.npu_rms_norm(x.float(), self.weight, self.eps)[0].type_as(x)


# %% loss_scale
class LossScale:
    """Dynamic loss scaling, with the operator that looks and divides at once."""

    def __init__(self, value=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value, self.growth, self.backoff, self.interval = value, growth, backoff, interval
        self.good = 0

    def scale(self, loss):
        return torch.mul(loss, self.value)

    def step(self, optimizer):
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        found = torch.zeros(1, device="npu:0")
        inverse = torch.full((1,), 1 / self.value, device="npu:0")
        torch._amp_foreach_non_finite_check_and_unscale_(grads, found, inverse)
        if found.item():
            self.good, self.value = 0, self.value * self.backoff
            return False
        optimizer.step()
        self.good += 1
        if self.good >= self.interval:
            self.good, self.value = 0, self.value * self.growth
        return True
