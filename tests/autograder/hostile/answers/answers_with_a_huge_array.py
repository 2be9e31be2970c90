# ---
# about: Answers with an array of a hundred million numbers.
# verdict:
#   double: error|out of memory|timed out
# ---
# %% double
def double(x):
    import numpy as np

    return np.zeros(10**8)
