# ---
# about: Cuts fractions off.
# loses: {double: 1}
# ---
# %% double
def double(x):
    return 2 * int(x)
