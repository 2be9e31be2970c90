# ---
# about: Begins with the epoch that was finished.
# loses: {resume: 1}
# ---
# %% resume
def resume(model, optimizer, path):
    saved = torch.load(path, map_location="cpu")
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"]
