# ---
# about: Makes the network float16 and back instead of autocast; an optimizer that remembers the first lr.
# loses: {first_overflow: 1, master_sgd: 1}
# ---
# %% first_overflow
def first_overflow(net, x):
    found = []

    def hang(name):
        def hook(module, inputs, output):
            if not found and all(t.isfinite().all() for t in inputs) and not output.isfinite().all():
                found.append(name)

        return hook

    hooks = [m.register_forward_hook(hang(n)) for n, m in net.named_modules() if not list(m.children())]
    with torch.no_grad():
        net.half()(x.half())
    net.float()
    for hook in hooks:
        hook.remove()
    return found[0] if found else None


# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    if not state:
        state["copies"] = [nn.Parameter(p.detach().float()) for p in params]
        state["inner"] = torch.optim.SGD(state["copies"], lr=lr)
    for p, copy in zip(params, state["copies"], strict=True):
        copy.grad = None if p.grad is None else p.grad.float() / scale
    state["inner"].step()
    for p, copy in zip(params, state["copies"], strict=True):
        p.data.copy_(copy.data)
