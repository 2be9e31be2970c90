# ---
# about: Stores what each layer gave back, and looks in the order of writing instead of running.
# loses: {first_overflow: 3}
# ---
# %% first_overflow
def first_overflow(net, x):
    outputs, hooks = {}, []
    for name, module in net.named_modules():
        if not list(module.children()):
            hooks.append(module.register_forward_hook(lambda _m, _i, o, name=name: outputs.update({name: o})))
    with torch.no_grad(), torch.autocast("npu", dtype=torch.float16):
        net(x)
    for hook in hooks:
        hook.remove()
    for name, _ in net.named_modules():
        if name in outputs and not outputs[name].isfinite().all():
            return name
    return None
