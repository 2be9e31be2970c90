# ---
# about: Answers with a number of ten million digits.
# verdict:
#   double: error|timed out
# ---
# %% double
def double(x):
    return 10 ** (10**7)
