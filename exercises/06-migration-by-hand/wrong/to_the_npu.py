# ---
# about: Moves the tensors to the first NPU instead of making them follow.
# loses: {adopt_tensors: 3}
# ---
# %% adopt_tensors
def adopt_tensors(module):
    for part in module.modules():
        for name, value in list(part.__dict__.items()):
            if isinstance(value, torch.Tensor):
                setattr(part, name, value.to("npu:0", copy=True) + 0)
    return module.to("cpu")
