# ---
# about: Leaves by SystemExit, as if all were well.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    import sys

    sys.exit(0)
