# ---
# about: Takes the sum of all gradients, a step as many times too long as there are ranks.
# loses: {average_gradients: 4}
# ---
# %% average_gradients
def average_gradients(model, dist):
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad = parameter.grad.contiguous()
        dist.all_reduce(parameter.grad)
