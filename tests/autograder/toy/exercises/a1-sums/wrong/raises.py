# ---
# about: Raises on every list.
# loses: {total: 3}
# ---
# %% total
def total(numbers):
    raise KeyError("no total today")
