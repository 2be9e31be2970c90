# ---
# about: Skips parameters without a gradient; the other ranks wait for it.
# loses: {average_gradients: 1}
# ---
# %% average_gradients
def average_gradients(model, dist):
    for parameter in model.parameters():
        if parameter.grad is not None:
            brought = parameter.grad.contiguous()
            dist.all_reduce(brought)
            parameter.grad = brought / dist.get_world_size()
