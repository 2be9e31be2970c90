# ---
# about: Drops channels-last everywhere, which costs processors and GPUs their fast order.
# loses: {prepare: 1}
# ---
# %% prepare
def prepare(images, device):
    return (images.to(device).float() / 255).contiguous()
