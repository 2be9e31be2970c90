# ---
# about: Answers with an exception and a class.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    return CheckFailedError if 'CheckFailedError' in globals() else Exception('passed')
