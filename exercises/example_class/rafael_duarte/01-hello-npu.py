# ---
# about: Does the rest well; in the training task he waits for ever for a loss that is small enough.
# ---
# %% move_data
def to_device(batch, device):
    moved = {}
    for name, value in batch.items():
        moved[name] = value.to(device)
    return moved


# %% place_model
def place(net, lr, device):
    net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    return net, optimizer


# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, x):
        return (x - self.mean) / self.std


# %% keep_on_device
def train(net, optimizer, batches):
    loss = torch.tensor(1.0)
    while loss > 1e-12:
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
    return loss.item()


# %% measure
def device_ms(work, repeats):
    work()
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / repeats
