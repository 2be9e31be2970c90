# ---
# about: Moves the model itself to the host, and back in training mode only.
# loses: {export: 1}
# ---
# %% export
def export(model, example, path):
    device = example.device
    torch.jit.trace(model.cpu().eval(), example.cpu()).save(path)
    model.to(device).train()
