# ---
# about: Answers with True, which equals 1.
# verdict:
#   double: failed
# ---
# %% double
def double(x):
    return True
