# ---
# about: Takes for granted that torch has the attribute npu.
# loses: {pick_device: 2}
# ---
# %% pick_device
def pick_device(torch, wanted=None):
    if wanted is None:
        if torch.npu.is_available():
            return "npu:0"
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return wanted
    kind, _, index = wanted.partition(":")
    if int(index or 0) >= getattr(torch, kind).device_count():
        raise ValueError(wanted)
    return f"{kind}:{index or 0}"
