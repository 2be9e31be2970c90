# ---
# about: Goes by the exception's type alone, though nearly all of PyTorch's errors are RuntimeErrors.
# loses: {read_error: 2}
# ---
# %% read_error
def triage(error):
    if isinstance(error, torch.OutOfMemoryError):
        return "memory"
    if isinstance(error, TypeError):
        return "host"
    if isinstance(error, RuntimeError):
        return "mixed"
    return "other"
