# ---
# about: Does not train at all, and is fast.
# verdict:
#   keep_on_device: failed|refused|error
# never: [trains, mean_loss, reads_once, device_time]
# ---
# %% keep_on_device
def train(net, optimizer, batches):
    return 0.5
