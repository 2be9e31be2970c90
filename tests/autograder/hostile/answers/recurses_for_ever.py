# ---
# about: Calls itself for ever.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    return double(x)
