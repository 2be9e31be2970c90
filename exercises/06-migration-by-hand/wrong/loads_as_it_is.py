# ---
# about: Loads without saying where to.
# loses: {resume: 2}
# ---
# %% resume
def resume(model, optimizer, path):
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1
