# ---
# about: Uses .npu() everywhere, whatever device was asked for.
# loses: {move_data: 1, place_model: 1}
# ---
# %% move_data
def to_device(batch, device):
    return {name: tensor.npu() for name, tensor in batch.items()}


# %% place_model
def place(net, lr, device):
    net = net.npu()
    return net, torch.optim.SGD(net.parameters(), lr=lr)
