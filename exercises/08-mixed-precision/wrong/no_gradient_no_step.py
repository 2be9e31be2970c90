# ---
# about: Stops at the first parameter that has no gradient.
# loses: {master_sgd: 1}
# ---
# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    if any(p.grad is None for p in params):
        return
    with torch.no_grad():
        for p in params:
            if p not in state:
                state[p] = p.detach().float()
            state[p] -= lr * (p.grad.float() / scale)
            p.copy_(state[p])
