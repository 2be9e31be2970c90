# ---
# about: Without a launcher takes card 0, whatever DEVICE_ID says.
# loses: {place_of: 1}
# ---
# %% place_of
def place_of(environ):
    if "LOCAL_RANK" in environ:
        return int(environ["RANK"]), int(environ["LOCAL_RANK"]), int(environ["WORLD_SIZE"])
    if "RANK_ID" in environ:
        return int(environ["RANK_ID"]), int(environ["DEVICE_ID"]), int(environ["RANK_SIZE"])
    return 0, 0, 1
