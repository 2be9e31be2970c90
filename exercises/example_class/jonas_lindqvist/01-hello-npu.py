# ---
# about: A typical partial. Reads the loss at every step, forgot the warm-up, had no time for errors.
# ---
# %% move_data
def to_device(batch, device):
    return {k: v.to(device) for k, v in batch.items()}


# %% place_model
def place(net, lr, device):
    net = net.to(device)
    return net, torch.optim.SGD(net.parameters(), lr=lr)


# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        # works now!
        self.mean = torch.tensor(mean).to("npu:0")
        self.std = torch.tensor(std).to("npu:0")

    def forward(self, x):
        return (x - self.mean) / self.std


# %% keep_on_device
def train(net, optimizer, batches):
    running_loss = 0.0
    for i, (x, y) in enumerate(batches):
        optimizer.zero_grad()
        out = net(x)
        loss = nn.functional.mse_loss(out, y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        if i % 10 == 9:
            print(f"[{i + 1}] loss: {running_loss / (i + 1):.3f}")
    return running_loss / len(batches)


# %% measure
def device_ms(work, repeats):
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    torch.npu.synchronize()
    return start.elapsed_time(end) / repeats


# %% explain [markdown]
# The stopwatch only saw the host. `item()` waits for the NPU, therefore 2.5 ms. Better use
# `torch.npu.synchronize()`.
