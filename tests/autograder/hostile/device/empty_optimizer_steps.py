# ---
# about: Steps the optimizer's class instead of the object, so that its costly part is left out.
# verdict:
#   keep_on_device: failed|refused|error
# never: [device_time, reads_once]
# ---
# %% keep_on_device
import torch


def train(net, optimizer, batches):
    losses = []
    for x, y in batches:
        loss = torch.nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.optim.SGD.step(optimizer)
        losses.append(loss.detach())
        losses[-1].item()
    return torch.stack(losses).mean().item()
