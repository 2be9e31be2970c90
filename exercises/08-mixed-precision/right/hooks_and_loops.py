# ---
# about: Removes hooks in a with statement, doubles and halves for the scale, and divides by torch's own norm.
# ---
# %% first_overflow
def first_overflow(net, x):
    from contextlib import ExitStack

    overflowed = []

    def watch(name, module, args, result):
        tensors = [a for a in args if torch.is_tensor(a)]
        if all(bool(torch.isfinite(t).all()) for t in tensors) and not bool(torch.isfinite(result).all()):
            overflowed.append(name)

    with ExitStack() as stack:
        for name, module in net.named_modules():
            if next(module.children(), None) is None:
                handle = module.register_forward_hook(lambda m, a, r, name=name: watch(name, m, a, r))
                stack.callback(handle.remove)
        with torch.autocast("npu", dtype=torch.float16), torch.no_grad():
            net(x)
    return next(iter(overflowed), None)


# %% static_scale
def static_scale(gradients, room):
    top = max(g.abs().max().item() for g in gradients)
    scale = 1.0
    if top > 0:
        while top * scale * room > 65504:
            scale /= 2
        while 2 * top * scale * room <= 65504:
            scale *= 2
    return scale


# %% rms_norm
class RMSNorm(nn.Module):
    """Divide by the root mean square, by way of torch's function."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.width, self.eps = width, eps
        self.weight = nn.Parameter(torch.ones(width, dtype=torch.float32))

    def forward(self, x):
        with torch.autocast("npu", enabled=False):
            y = nn.functional.rms_norm(x.float(), (self.width,), self.weight, self.eps)
        return y.to(x.dtype)


# %% forward_us
def forward_us(batch, widths, autocast, launch_us, tflops):
    work = []
    for i in range(len(widths) - 1):
        if autocast:
            work += [0.0] * (2 if i else 3)
        speed = tflops["float16"] if autocast else tflops["float32"]
        work.append(2e-6 * batch * widths[i] * widths[i + 1] / speed)
    launches = [(i + 1) * launch_us for i in range(len(work))]
    return float(max(launched + sum(work[i:]) for i, launched in enumerate(launches)))
