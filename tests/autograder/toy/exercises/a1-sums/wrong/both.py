# ---
# about: Wrong in both tasks.
# loses: {double: 2, total: 3}
# ---
# %% double
def double(x):
    return None


# %% total
def total(numbers):
    return float("nan")
