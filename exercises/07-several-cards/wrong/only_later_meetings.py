# ---
# about: Knows the code of later meetings only, and takes those who waited at the first for missing.
# loses: {at_fault: 1}
# ---
# %% at_fault
def at_fault(logs):
    waited = {rank for rank, text in logs.items() if "EI0002" in text}
    return sorted(set(logs) - waited) if waited else []
