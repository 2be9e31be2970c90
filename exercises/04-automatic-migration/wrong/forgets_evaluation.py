# ---
# about: Copies to the host, but traces in the mode of the training.
# loses: {export: 1}
# ---
# %% export
def export(model, example, path):
    import copy

    twin = copy.deepcopy(model).cpu()
    torch.jit.trace(twin, example.cpu(), check_trace=False).save(path)
