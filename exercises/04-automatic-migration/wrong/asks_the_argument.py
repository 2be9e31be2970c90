# ---
# about: Believes the argument, which says cuda under the migration.
# loses: {prepare: 2}
# ---
# %% prepare
def prepare(images, device):
    x = images.float() / 255
    if "npu" not in str(device):
        x = x.contiguous(memory_format=torch.channels_last)
    return x.to(device)
