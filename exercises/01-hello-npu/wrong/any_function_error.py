# ---
# about: Takes every error of an NPU function for one that comes late.
# loses: {read_error: 1}
# ---
# %% read_error
def triage(error):
    text = str(error)
    if "Expected all tensors to be on the same device" in text:
        return "mixed"
    if "device type tensor to numpy" in text:
        return "host"
    if "NPU out of memory" in text:
        return "memory"
    if "NPU function error" in text:
        return "late"
    return "other"
