# ---
# about: Makes the optimizer before the move, which is fine because a module moves its parameters in place.
# ---
# %% place_model
def place(net, lr, device):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.to(device)
    return net, optimizer
