# ---
# about: Takes the card wherever there is one, whatever the backend can reach.
# loses: {mean_over_ranks: 1}
# ---
# %% mean_over_ranks
def mean_over_ranks(value, dist):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    total = torch.tensor(value, dtype=torch.float32, device=device)
    dist.all_reduce(total)
    return total.item() / dist.get_world_size()
