# ---
# about: Replaces the one name by the other, so that GPUs no longer work.
# loses: {mean_over_ranks: 1}
# ---
# %% mean_over_ranks
def mean_over_ranks(value, dist):
    device = "npu" if dist.get_backend() == "hccl" else "cpu"
    total = torch.tensor(value, dtype=torch.float32, device=device)
    dist.all_reduce(total)
    return total.item() / dist.get_world_size()
