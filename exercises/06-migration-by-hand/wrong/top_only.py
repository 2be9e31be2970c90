# ---
# about: Looks at the outermost module only.
# loses: {adopt_tensors: 2}
# ---
# %% adopt_tensors
def adopt_tensors(module):
    for name, value in list(module.__dict__.items()):
        if isinstance(value, torch.Tensor):
            delattr(module, name)
            module.register_buffer(name, value, persistent=False)
    return module
