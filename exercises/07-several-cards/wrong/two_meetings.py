# ---
# about: Reduces sum and count one after the other.
# loses: {loss_of_all: 1}
# ---
# %% loss_of_all
def loss_of_all(total, count, dist):
    sums, counts = torch.tensor([float(total)]).npu(), torch.tensor([float(count)]).npu()
    dist.all_reduce(sums)
    dist.all_reduce(counts)
    return (sums / counts).item()
