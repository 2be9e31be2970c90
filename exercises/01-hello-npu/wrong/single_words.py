# ---
# about: Looks for single words, which many other messages contain.
# loses: {read_error: 1}
# ---
# %% read_error
def triage(error):
    text = str(error)
    if "numpy" in text:
        return "host"
    if "error code" in text:
        return "late"
    if "memory" in text:
        return "memory"
    if "device" in text:
        return "mixed"
    return "other"
