# ---
# about: Trains on what there is, where the wanted card is not there.
# loses: {pick_device: 1}
# ---
# %% pick_device
def pick_device(torch, wanted=None):
    def count(kind):
        part = getattr(torch, kind, None)
        return part.device_count() if part is not None else 0

    if wanted is not None:
        kind, _, index = wanted.partition(":")
        if count(kind) > int(index or 0):
            return f"{kind}:{index or 0}"
    for kind in ("npu", "cuda"):
        if wanted != "cpu" and count(kind):
            return f"{kind}:0"
    return "cpu"
