# ---
# about: Ends in an error after the answer.
# ---
# %% double
def double(x):
    return 2 * x


double(undefined)
