# ---
# about: One meeting for all gradients, as DistributedDataParallel's buckets; blocks instead of every size-th.
# ---
# %% deal
def deal(n, rank, size, epoch):
    import random

    order = list(range(n))
    random.Random(1000 + epoch).shuffle(order)  # noqa: S311 - photographs, no secrets
    each = -(-n // size)
    while len(order) < each * size:
        order += order[: each * size - len(order)]
    return order[rank * each : (rank + 1) * each]


# %% average_gradients
def average_gradients(model, dist):
    parameters = list(model.parameters())
    pieces = [(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in parameters]
    bucket = torch.cat(pieces)
    dist.all_reduce(bucket)
    bucket /= dist.get_world_size()
    lengths = [p.numel() for p in parameters]
    for p, piece in zip(parameters, bucket.split(lengths), strict=True):
        p.grad = piece.reshape(p.shape).clone()


# %% place_of
def place_of(environ):
    get = environ.get
    if get("WORLD_SIZE"):
        rank, card, size = get("RANK"), get("LOCAL_RANK"), get("WORLD_SIZE")
    elif get("RANK_ID"):
        rank, card, size = get("RANK_ID"), get("DEVICE_ID"), get("RANK_SIZE")
    else:
        rank, card, size = 0, get("DEVICE_ID", 0), 1
    return int(rank), int(card), int(size)
