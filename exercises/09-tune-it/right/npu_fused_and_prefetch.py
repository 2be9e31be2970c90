# ---
# about: Shares feed between the tasks; torch_npu's own optimizer; one long gradient; sums on the device.
# ---
# %% rank
from collections import defaultdict


def rank(kernels, count):
    spent = defaultdict(float)
    for kernel in kernels:
        spent[kernel["Type"]] += sum(float(kernel[column]) for column in ("Duration(us)", "Wait Time(us)"))
    names = sorted(spent)
    names.sort(key=spent.get, reverse=True)
    return [(name, spent[name]) for name in names[:count]]


# %% limit
def limit(kernel):
    def number(text):
        try:
            return float(text)
        except ValueError:
            return 0.0

    if number(kernel["Duration(us)"]) < number(kernel["Wait Time(us)"]):
        return "launch"
    shares = [
        (number(kernel["aic_mac_ratio"]), "cube"),
        (number(kernel["aiv_vec_ratio"]), "vector"),
        (number(kernel["aic_mte2_ratio"]), "memory"),
        (number(kernel["aiv_mte2_ratio"]), "memory"),
    ]
    return max(shares)[1]


# %% feed
def feed(batches):
    for pair in batches:
        sent = []
        for tensor in pair:
            locked = tensor if tensor.is_pinned() else tensor.pin_memory()
            sent.append(locked.to("npu", non_blocking=True))
        yield tuple(sent)


# %% make_optimizer
def make_optimizer(parameters, lr, decay):
    return torch_npu.optim.NpuFusedAdamW(list(parameters), lr=lr, weight_decay=decay)


# %% block
def block(x, weight, up):
    inner = torch_npu.npu_rms_norm(x, weight, epsilon=1e-6)[0]
    return torch_npu.npu_swiglu(torch.mm(inner, up), dim=-1)


# %% epoch
def epoch(net, batches, lr):
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, fused=True)
    sums = torch.zeros(2, device=device)
    for x, y in feed(batches):
        net.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        grads = [p.grad for p in net.parameters()]
        norm = torch.linalg.vector_norm(torch.cat([grad.flatten() for grad in grads]))
        optimizer.step()
        sums += torch.stack((loss.detach(), norm))
    loss, norm = (sums / len(batches)).tolist()
    return loss, norm
