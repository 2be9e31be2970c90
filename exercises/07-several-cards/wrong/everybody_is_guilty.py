# ---
# about: Names all who did not wait, also where all went well.
# loses: {at_fault: 1}
# ---
# %% at_fault
def at_fault(logs):
    return sorted(rank for rank, text in logs.items() if "EI0002" not in text and "EI0006" not in text)
