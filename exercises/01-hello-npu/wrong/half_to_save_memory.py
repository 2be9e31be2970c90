# ---
# about: Halves the network since the NPU is fast in float16; inputs no longer fit and weights are rounded.
# loses: {place_model: 3}
# ---
# %% place_model
def place(net, lr, device):
    net = net.half().to(device)
    return net, torch.optim.SGD(net.parameters(), lr=lr)
