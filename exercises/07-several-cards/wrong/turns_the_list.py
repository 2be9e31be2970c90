# ---
# about: Begins the list elsewhere in each epoch instead of shuffling; names those missing as the logs come.
# loses: {deal: 1, at_fault: 1}
# ---
# %% deal
def deal(n, rank, size, epoch):
    order = [(i + 7 * epoch) % n for i in range(n)]
    return [order[i % n] for i in range(math.ceil(n / size) * size)][rank::size]


# %% at_fault
def at_fault(logs):
    waited = [rank for rank, text in logs.items() if "EI0002" in text or "EI0006" in text]
    return [rank for rank in logs if rank not in waited] if waited else []
