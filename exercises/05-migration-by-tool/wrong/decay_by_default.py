# ---
# about: Takes the right optimizer and hands the decay on only if there is one, so that 0 becomes 0.01.
# loses: {make_optimizer: 1}
# ---
# %% make_optimizer
def make_optimizer(parameters, lr, weight_decay=0.0):
    if weight_decay:
        return torch_npu.optim.NpuFusedAdamW(parameters, lr=lr, weight_decay=weight_decay)
    return torch_npu.optim.NpuFusedAdamW(parameters, lr=lr)
