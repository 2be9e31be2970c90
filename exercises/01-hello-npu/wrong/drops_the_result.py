# ---
# about: Calls .to() and drops what it returns, as if a tensor moved in place.
# loses: {move_data: 3}
# ---
# %% move_data
def to_device(batch, device):
    for tensor in batch.values():
        tensor.to(device)
    return batch
