# ---
# about: A rank without photographs does not come to the meeting.
# loses: {loss_of_all: 1}
# ---
# %% loss_of_all
def loss_of_all(total, count, dist):
    if count == 0:
        return 0.0
    both = torch.tensor([total, count], dtype=torch.float32, device="npu")
    dist.all_reduce(both)
    return (both[0] / both[1]).item()
