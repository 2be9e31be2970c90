# ---
# about: Takes the number in the job for the card, which is right on one server with all its cards.
# loses: {place_of: 2}
# ---
# %% place_of
def place_of(environ):
    if "RANK" in environ:
        return int(environ["RANK"]), int(environ["RANK"]), int(environ["WORLD_SIZE"])
    if "RANK_ID" in environ:
        return int(environ["RANK_ID"]), int(environ["RANK_ID"]), int(environ["RANK_SIZE"])
    return 0, int(environ.get("DEVICE_ID", 0)), 1
