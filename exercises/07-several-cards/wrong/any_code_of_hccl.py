# ---
# about: Takes every error of HCCL for a wait, also one that a rank died of; asks the launcher first.
# loses: {at_fault: 1, place_of: 1}
# ---
# %% at_fault
def at_fault(logs):
    waited = {rank for rank, text in logs.items() if "ERR02200" in text}
    return sorted(set(logs) - waited) if waited else []


# %% place_of
def place_of(environ):
    if "RANK_ID" in environ:
        return int(environ["RANK_ID"]), int(environ["DEVICE_ID"]), int(environ["RANK_SIZE"])
    if "LOCAL_RANK" in environ:
        return int(environ["RANK"]), int(environ["LOCAL_RANK"]), int(environ["WORLD_SIZE"])
    return 0, int(environ.get("DEVICE_ID", 0)), 1
