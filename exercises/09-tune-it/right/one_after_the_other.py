# ---
# about: Plain code; clips at infinity to get the norm; the block through torch.addmm's cousin.
# ---
# %% rank
def rank(kernels, count):
    found = []
    for name in {row["Type"] for row in kernels}:
        rows = [row for row in kernels if row["Type"] == name]
        found.append(
            (name, sum(float(r["Duration(us)"]) for r in rows) + sum(float(r["Wait Time(us)"]) for r in rows))
        )
    found.sort(key=lambda entry: entry[0])
    found.sort(key=lambda entry: round(entry[1], 6), reverse=True)
    return found[:count]


# %% make_optimizer
def make_optimizer(parameters, lr, decay):
    return torch.optim.AdamW(parameters, lr, (0.9, 0.999), 1e-8, decay)


# %% block
def block(x, weight, up):
    return torch_npu.npu_swiglu(torch.matmul(torch_npu.npu_rms_norm(x.contiguous(), weight, 1e-6)[0], up))


# %% epoch
def epoch(net, batches, lr):
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    losses, norms = 0.0, 0.0
    for x, y in batches:
        frame, target = (t.pin_memory().to(device, non_blocking=True) for t in (x, y))
        loss = nn.functional.mse_loss(net(frame), target)
        optimizer.zero_grad()
        loss.backward()
        norms = norms + nn.utils.clip_grad_norm_(net.parameters(), float("inf"))
        optimizer.step()
        losses = losses + loss.detach()
    return float(losses) / len(batches), float(norms) / len(batches)
