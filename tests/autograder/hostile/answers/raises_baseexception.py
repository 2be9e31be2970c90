# ---
# about: Raises what is no Exception.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    raise BaseException('done')
