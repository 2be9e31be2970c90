# ---
# about: Names the ranks whose logs have an error in them.
# loses: {at_fault: 1}
# ---
# %% at_fault
def at_fault(logs):
    return sorted(rank for rank, text in logs.items() if "Error" in text)
