# ---
# about: Answers with a list that holds itself.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    v = []
    v.append(v)
    return v
