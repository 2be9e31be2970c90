# ---
# about: Replaces the module's own `to`; the tensors are nobody's still, and stay when a network moves.
# loses: {adopt_tensors: 1}
# ---
# %% adopt_tensors
def adopt_tensors(module):
    def to(device):
        for part in module.modules():
            for name, value in list(vars(part).items()):
                if isinstance(value, torch.Tensor):
                    setattr(part, name, value.to(device))
        return nn.Module.to(module, device)

    module.to = to
    return module
