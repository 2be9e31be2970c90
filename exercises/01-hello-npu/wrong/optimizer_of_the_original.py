# ---
# about: Moves a copy of the network, but gives the optimizer the parameters of the original.
# loses: {place_model: 1}
# ---
# %% place_model
import copy


def place(net, lr, device):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    return copy.deepcopy(net).to(device), optimizer
