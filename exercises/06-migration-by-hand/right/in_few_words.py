# ---
# about: Short answers; reads each loss in its step, and sets the default device for what is made.
# ---
# %% pick_device
def pick_device(torch, wanted=None):
    def has(kind, index=0):
        m = getattr(torch, kind, None)
        return m is not None and m.is_available() and index < m.device_count()

    if wanted is None:
        return "npu:0" if has("npu") else "cuda:0" if has("cuda") else "cpu"
    if wanted == "cpu":
        return "cpu"
    kind, index = (wanted + ":0").split(":")[:2]
    if kind in ("npu", "cuda") and has(kind, int(index)):
        return f"{kind}:{index}"
    raise ValueError(f"no {wanted} here")


# %% adopt_tensors
def adopt_tensors(module):
    for name, value in list(module.__dict__.items()):
        if isinstance(value, torch.Tensor):
            del module.__dict__[name]
            module.register_buffer(name, value.detach(), persistent=False)
    for child in module.children():
        adopt_tensors(child)
    return module


# %% train
def train(weight, coats, steps, device):
    def distance(rows, bank):
        return torch.relu(((rows - bank) ** 2).sum(1) - 0.1).mean()

    with torch.device(device):
        net = nn.Linear(coats.shape[1], len(weight), bias=False)
        bank = reidkit.Bank(4 * len(coats), len(weight), device=None)
    net.weight.data.copy_(weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    coats, losses = coats.to(device), []
    for _ in range(steps):
        rows = net(coats)
        now = rows.detach()
        loss = distance(rows, bank.coats[((now[:, None] - bank.coats) ** 2).sum(2).argmin(1)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        bank.push(now)
        losses.append(loss.item())
    return losses
