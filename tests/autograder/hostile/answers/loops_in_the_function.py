# ---
# about: Never comes back.
# verdict:
#   double: timed out
# ---
# %% double
def double(x):
    while True:
        pass
