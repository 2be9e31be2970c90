# ---
# about: Names the first layer that gives back an inf, even where the data held it already.
# loses: {first_overflow: 1}
# ---
# %% first_overflow
def first_overflow(net, x):
    found, hooks = [], []

    def hook_for(name):
        def look(module, inputs, output):
            if not output.isfinite().all():
                found.append(name)

        return look

    for name, module in net.named_modules():
        if not list(module.children()):
            hooks.append(module.register_forward_hook(hook_for(name)))
    with torch.no_grad(), torch.autocast("npu", dtype=torch.float16):
        net(x)
    for hook in hooks:
        hook.remove()
    return found[0] if found else None
