# ---
# about: Answers with a generator that never ends.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    return (n for n in iter(int, 1))
