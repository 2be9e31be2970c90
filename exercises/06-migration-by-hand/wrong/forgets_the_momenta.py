# ---
# about: Loads the weights, and leaves the optimizer as it was made.
# loses: {resume: 1}
# ---
# %% resume
def resume(model, optimizer, path):
    saved = torch.load(path, map_location=next(model.parameters()).device)
    model.load_state_dict(saved["model"])
    return saved["epoch"] + 1
