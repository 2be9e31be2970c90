# ---
# about: Takes the optimizer of the same name, with a decay of another kind; apex decays as AdamW does.
# loses: {make_optimizer: 2}
# ---
# %% make_optimizer
def make_optimizer(parameters, lr, weight_decay=0.0):
    return torch_npu.optim.NpuFusedAdam(parameters, lr=lr, weight_decay=weight_decay)
