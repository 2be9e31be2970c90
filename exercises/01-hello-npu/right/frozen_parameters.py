# ---
# about: Frozen parameters instead of buffers, the exception's type where it says enough, a copied network.
# ---
# %% move_data
def to_device(batch, device):
    moved = dict.fromkeys(batch)
    moved.update((name, tensor.detach().to(device)) for name, tensor in batch.items())
    return moved


# %% place_model
import copy


def place(net, lr, device):
    twin = copy.deepcopy(net).to(device)
    return twin, torch.optim.SGD(twin.parameters(), lr)


# %% read_error
def triage(error):
    if isinstance(error, torch.OutOfMemoryError):
        return "memory"
    message = " ".join(str(error).lower().split())
    if message.startswith("expected all tensors"):
        return "mixed"
    if isinstance(error, TypeError) and message.startswith("can't convert npu"):
        return "host"
    if "aicore execution is abnormal" in message:
        return "late"
    return "other"


# %% repair
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.table = nn.Parameter(torch.tensor([mean, std]), requires_grad=False)

    def forward(self, x):
        return x.sub(self.table[0]).div(self.table[1])


# %% keep_on_device
def train(net, optimizer, batches):
    losses = torch.zeros(len(batches), device=batches[0][0].device)
    for step, (x, y) in enumerate(batches):
        loss = nn.MSELoss()(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[step] = loss.detach()
    return sum(losses.tolist()) / len(batches)


# %% measure
def device_ms(work, repeats):
    stream = torch.npu.current_stream()
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    work()
    work()
    total = 0.0
    for _ in range(repeats):
        torch.npu.synchronize()
        start.record(stream)
        work()
        end.record(stream)
        end.synchronize()
        total += start.elapsed_time(end)
    return total / repeats
