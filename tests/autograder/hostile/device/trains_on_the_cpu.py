# ---
# about: 'Trains a copy on the host, and puts the weights back: little work for the device.'
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import copy

import torch


def train(net, optimizer, batches):
    twin = copy.deepcopy(net).cpu()
    lr = optimizer.param_groups[0]["lr"]
    losses = []
    for x, y in batches:
        loss = torch.nn.functional.mse_loss(twin(x.cpu()), y.cpu())
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in twin.parameters():
                p -= lr * p.grad
        losses.append(loss.item())
    net.load_state_dict(twin.state_dict())
    return sum(losses) / len(losses)
