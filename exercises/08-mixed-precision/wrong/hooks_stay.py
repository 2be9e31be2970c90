# ---
# about: Finds the layer and leaves its hooks in the network.
# loses: {first_overflow: 3}
# ---
# %% first_overflow
def first_overflow(net, x):
    found = []

    def hook_for(name):
        def look(module, inputs, output):
            if all(i.isfinite().all() for i in inputs) and not output.isfinite().all():
                found.append(name)

        return look

    for name, module in net.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook_for(name))
    with torch.no_grad(), torch.autocast("npu", dtype=torch.float16):
        net(x)
    return found[0] if found else None
