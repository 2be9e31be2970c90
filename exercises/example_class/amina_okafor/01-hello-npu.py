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
    ("late", "507015"),
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


# %% explain [markdown]
# Your 0.4 ms is the time the host needed to queue the operators. The calls return before the NPU has
# computed anything, so you timed the queueing and not the device.
#
# `loss.item()` wants a number, and for that the host has to wait until everything in the queue is done. So
# the 2.5 ms contain the device's 2.1 ms. It is not `print` that is slow: try `print("hello")` instead.
#
# Please report 2.1 ms, measured with two events after a warm-up, over many steps, with a synchronise before
# reading.
