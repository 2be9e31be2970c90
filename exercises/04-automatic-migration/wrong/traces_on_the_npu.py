# ---
# about: Traces the network where it is, in evaluation mode, and puts it back into training as a whole.
# loses: {export: 3}
# ---
# %% export
def export(model, example, path):
    model.eval()
    torch.jit.trace(model, example).save(path)
    model.train()
