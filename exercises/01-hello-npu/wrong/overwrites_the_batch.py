# ---
# about: Moves the tensors inside the caller's own dict.
# loses: {move_data: 1}
# ---
# %% move_data
def to_device(batch, device):
    for name in batch:
        batch[name] = batch[name].to(device)
    return batch
