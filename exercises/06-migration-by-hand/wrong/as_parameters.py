# ---
# about: Makes parameters of constants.
# loses: {adopt_tensors: 1}
# ---
# %% adopt_tensors
def adopt_tensors(module):
    for part in list(module.modules()):
        for name, value in list(part.__dict__.items()):
            if isinstance(value, torch.Tensor):
                delattr(part, name)
                part.register_parameter(name, nn.Parameter(value))
    return module
