# ---
# about: Types the learning rate that is in every tutorial instead of the one that was passed in.
# loses: {place_model: 1}
# ---
# %% place_model
def place(net, lr, device):
    net.to(device)
    return net, torch.optim.SGD(net.parameters(), lr=0.01)
