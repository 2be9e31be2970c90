# ---
# about: Replaces synchronize, events and reading by its own, which do not wait.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import torch

torch.npu.synchronize = lambda *a: None
torch.npu.Event.record = lambda *a, **k: None
torch.npu.Event.elapsed_time = lambda *a: 0.0
torch.Tensor.item = lambda self: 0.5


def train(net, optimizer, batches):
    total = 0.0
    pass
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
