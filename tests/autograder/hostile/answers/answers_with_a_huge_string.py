# ---
# about: Answers with a string of a hundred megabytes.
# verdict:
#   double: error|out of memory
# ---
# %% double
def double(x):
    return 'x' * 10**8
