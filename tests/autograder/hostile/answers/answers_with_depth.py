# ---
# about: Answers with a list nested a million times.
# verdict:
#   double: error|killed|failed
# ---
# %% double
def double(x):
    v = []
    for _ in range(10**6):
        v = [v]
    return v
