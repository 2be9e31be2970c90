# ---
# about: Full marks, by code of her own.
# ---
# %% move_data
def to_device(batch, device):
    out = {}
    for name, tensor in batch.items():
        out[name] = tensor.to(device)
    return out


# %% place_model
def place(net, lr, device):
    net = net.to(device)
    optimizer = torch.optim.SGD(params=net.parameters(), lr=lr)
    return net, optimizer


# %% read_error
# the words that were the same in all the messages I provoked
SIGNS = [
    ("mixed", "Expected all tensors to be on the same device"),
    ("host", "device type tensor to numpy"),
    ("memory", "NPU out of memory"),
]


def triage(error):
    for kind, sign in SIGNS:
        if sign in str(error):
            return kind
    return "other"


# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("shift", -torch.tensor(mean) / torch.tensor(std))
        self.register_buffer("scale", 1 / torch.tensor(std))

    def forward(self, x):
        return x * self.scale + self.shift


# %% keep_on_device
def train(net, optimizer, batches):
    total = torch.zeros(1, device=batches[0][1].device)
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return total.item() / len(batches)


# %% measure
def device_ms(work, repeats):
    work()  # warm up
    marks = [torch.npu.Event(enable_timing=True) for _ in range(repeats + 1)]
    marks[0].record()
    for mark in marks[1:]:
        work()
        mark.record()
    torch.npu.synchronize()
    times = [marks[i].elapsed_time(marks[i + 1]) for i in range(repeats)]
    print("slowest:", max(times), "ms")
    return sum(times) / len(times)
