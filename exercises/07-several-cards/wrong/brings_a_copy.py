# ---
# about: Brings a contiguous copy of a gradient to the meeting, and goes on with the gradient.
# loses: {average_gradients: 1}
# ---
# %% average_gradients
def average_gradients(model, dist):
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad.contiguous())
        parameter.grad /= dist.get_world_size()
