# ---
# about: Torch for everything; one flat vector, a slice through an endless order, a list of rates.
# ---
# %% place_of
def place_of(environ):
    def number(name, otherwise):
        return int(environ.get(name, otherwise))

    if "WORLD_SIZE" in environ:
        return [number("RANK", 0), number("LOCAL_RANK", 0), number("WORLD_SIZE", 1)]
    size = number("RANK_SIZE", 1) if "RANK_ID" in environ else 1
    return [number("RANK_ID", 0), number("DEVICE_ID", 0), size]


# %% deal
def deal(n, rank, size, epoch):
    from itertools import cycle, islice

    generator = torch.Generator()
    generator.manual_seed(1234 + epoch)
    order = torch.randperm(n, generator=generator).tolist()
    return list(islice(cycle(order), rank, math.ceil(n / size) * size, size))


# %% average_gradients
def average_gradients(model, dist):
    params = list(model.parameters())
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for p, part in zip(params, flat.split([p.numel() for p in params]), strict=True):
        p.grad = part.view_as(p)


# %% rate_at
def rate_at(step, base, size, warmup):
    rates = [base * (1 + (size - 1) * i / warmup) for i in range(warmup)]
    return rates[step] if step < len(rates) else base * size


# %% loss_of_all
def loss_of_all(total, count, dist):
    both = torch.stack([torch.as_tensor(x, dtype=torch.float32) for x in (total, count)]).npu()
    dist.all_reduce(both)
    return float(both[0].cpu()) / float(both[1].cpu())


# %% at_fault
def at_fault(logs):
    came, away = [], []
    for rank, text in sorted(logs.items()):
        (came if any(code in text for code in ("EI0002", "EI0006")) else away).append(rank)
    return away * bool(came)
