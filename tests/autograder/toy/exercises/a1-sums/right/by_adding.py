# ---
# about: Adds instead of multiplying, and uses the built-in sum.
# ---
# %% double
def double(x):
    return x + x


# %% total
def total(numbers):
    return sum(numbers)
