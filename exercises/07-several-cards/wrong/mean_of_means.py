# ---
# about: Averages the means of the ranks, so that few photographs count as much as many.
# loses: {loss_of_all: 1}
# ---
# %% loss_of_all
def loss_of_all(total, count, dist):
    mean = torch.tensor([total / max(count, 1)], device="npu")
    dist.all_reduce(mean)
    return mean.item() / dist.get_world_size()
