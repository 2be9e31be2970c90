# ---
# about: Believes RANK_SIZE wherever it is set.
# loses: {place_of: 2}
# ---
# %% place_of
def place_of(environ):
    size = int(environ.get("RANK_SIZE", environ.get("WORLD_SIZE", 1)))
    rank = int(environ.get("RANK_ID", environ.get("RANK", 0)))
    card = int(environ.get("DEVICE_ID", environ.get("LOCAL_RANK", 0)))
    return rank, card, size
