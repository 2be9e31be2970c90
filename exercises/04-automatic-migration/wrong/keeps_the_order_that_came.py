# ---
# about: Leaves images on the NPU in whatever order they came.
# loses: {prepare: 1}
# ---
# %% prepare
def prepare(images, device):
    x = images.to(device).float() / 255
    return x if x.device.type == "npu" else x.to(memory_format=torch.channels_last)
