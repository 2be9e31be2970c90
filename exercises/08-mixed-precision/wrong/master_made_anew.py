# ---
# about: Makes the float32 copy of the weight in each step, from what was rounded.
# loses: {master_sgd: 1}
# ---
# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.copy_(p.float() - lr * (p.grad.float() / scale))
