# ---
# about: Converts each column to float32 on the way, the labels too.
# loses: {move_data: 1}
# ---
# %% move_data
def to_device(batch, device):
    return {name: tensor.to(device, dtype=torch.float32) for name, tensor in batch.items()}
