# ---
# about: Divides the gradient by the scale before it is float32.
# loses: {master_sgd: 1}
# ---
# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    with torch.no_grad():
        for p in params:
            if p not in state:
                state[p] = p.detach().float()
            if p.grad is not None:
                state[p].sub_(lr * (p.grad / scale).float())
                p.copy_(state[p])
