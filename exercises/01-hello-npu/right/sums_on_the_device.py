# ---
# about: Plain loops and running sums; a pair of events for each call; the layer makes tensors where x is.
# ---
# %% move_data
def to_device(batch, device):
    moved = {}
    for name in batch:
        moved[name] = batch[name].to(device=device, non_blocking=True)
    return moved


# %% place_model
def place(net, lr, device):
    net = net.to(torch.device(device))
    optimizer = torch.optim.SGD([{"params": list(net.parameters())}], lr=lr, momentum=0.0)
    return net, optimizer


# %% read_error
import re


def triage(error):
    kinds = {
        r"all tensors to be on the same device": "mixed",
        r"can't convert (npu:\d+) device type tensor": "host",
        r"NPU out of memory": "memory",
        r"\b507015\b": "late",
    }
    for pattern, kind in kinds.items():
        if re.search(pattern, str(error)):
            return kind
    return "other"


# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = mean
        self.std = std

    def forward(self, x):
        mean = torch.tensor(self.mean, device=x.device)
        std = torch.tensor(self.std, device=x.device)
        return (x - mean) / std


# %% keep_on_device
def train(net, optimizer, batches):
    total = 0.0
    for x, y in batches:
        net.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        total = total + loss
    return float(total) / len(batches)


# %% measure
def device_ms(work, repeats):
    for _ in range(3):
        work()
    pairs = []
    for _ in range(repeats):
        start, end = torch.npu.Event(enable_timing=True), torch.npu.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        pairs.append((start, end))
    pairs[-1][1].synchronize()
    return sum(start.elapsed_time(end) for start, end in pairs) / repeats
