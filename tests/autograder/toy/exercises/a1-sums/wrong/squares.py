# ---
# about: Squares instead of doubling.
# loses: {double: 2}
# ---
# %% double
def double(x):
    return x * x
