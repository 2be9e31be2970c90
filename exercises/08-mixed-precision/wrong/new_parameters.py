# ---
# about: Gives the parameter the rounded copy's memory instead of copying into its own.
# loses: {master_sgd: 3}
# ---
# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    for p in params:
        if p not in state:
            state[p] = p.detach().float()
        if p.grad is not None:
            state[p] -= lr * (p.grad.float() / scale)
            p.data = state[p].half()
