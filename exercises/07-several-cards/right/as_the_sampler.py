# ---
# about: Uses PyTorch's own sampler, AVG, and formulas in another form.
# ---
# %% place_of
def place_of(environ):
    for names in (("RANK", "LOCAL_RANK", "WORLD_SIZE"), ("RANK_ID", "DEVICE_ID", "RANK_SIZE")):
        if all(name in environ for name in names):
            return tuple(int(environ[name]) for name in names)
    return 0, int(environ.get("DEVICE_ID", "0")), 1


# %% deal
def deal(n, rank, size, epoch):
    from torch.utils.data.distributed import DistributedSampler

    sampler = DistributedSampler(range(n), num_replicas=size, rank=rank)
    sampler.set_epoch(epoch)
    return [int(i) for i in sampler]


# %% average_gradients
def average_gradients(model, dist):
    for p in model.parameters():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        brought = p.grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(brought, op=dist.ReduceOp.AVG)
        p.grad.copy_(brought)


# %% rate_at
def rate_at(step, base, size, warmup):
    part = min(1.0, step / warmup) if warmup else 1.0
    return base * (1 - part) + base * size * part


# %% loss_of_all
def loss_of_all(total, count, dist):
    both = torch.zeros(2).npu()
    both[0] += total
    both[1] += count
    dist.all_reduce(both, dist.ReduceOp.AVG)
    mean, photographs = both.tolist()
    return mean / photographs


# %% at_fault
def at_fault(logs):
    import re

    came = {rank: re.search(r"\bEI000[26]\b", text) is not None for rank, text in logs.items()}
    return [rank for rank in sorted(came) if not came[rank]] if any(came.values()) else []
