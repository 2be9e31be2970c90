# ---
# about: Moves the parameters one by one and forgets the buffers of BatchNorm.
# loses: {place_model: 3}
# ---
# %% place_model
def place(net, lr, device):
    for parameter in net.parameters():
        parameter.data = parameter.data.to(device)
    return net, torch.optim.SGD(net.parameters(), lr=lr)
