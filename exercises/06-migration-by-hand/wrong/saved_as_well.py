# ---
# about: Registers buffers that are saved, so that old checkpoints do not load.
# loses: {adopt_tensors: 1}
# ---
# %% adopt_tensors
def adopt_tensors(module):
    for part in module.modules():
        for name, value in list(part.__dict__.items()):
            if isinstance(value, torch.Tensor):
                delattr(part, name)
                part.register_buffer(name, value)
    return module
