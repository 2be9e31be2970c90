# ---
# about: Lets the reduction average, and divides once more; and returns the tensor.
# loses: {mean_over_ranks: 1}
# ---
# %% mean_over_ranks
def mean_over_ranks(value, dist):
    where = "cuda" if dist.get_backend() in ("nccl", "hccl") else "cpu"
    total = torch.tensor(value, dtype=torch.float32, device=where)
    dist.all_reduce(total, op=dist.ReduceOp.AVG)
    return total / dist.get_world_size()
