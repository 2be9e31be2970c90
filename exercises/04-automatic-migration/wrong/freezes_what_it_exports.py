# ---
# about: Switches gradients off for the export, on the network that is being trained.
# loses: {export: 1}
# ---
# %% export
import copy


def export(model, example, path):
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    host = copy.deepcopy(model).cpu().eval()
    torch.jit.trace(host, example.cpu()).save(path)
