# ---
# about: Full marks.
# ---
# %% double
def double(x):
    return 2 * x


# %% total
def total(numbers):
    return sum(numbers)
