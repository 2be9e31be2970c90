# ---
# about: Gives the optimizer the usual momentum, so the script trains otherwise than on the host.
# loses: {place_model: 1}
# ---
# %% place_model
def place(net, lr, device):
    net = net.to(device)
    return net, torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
