# ---
# about: Catches the interrupt of the time limit and defines its answer then.
# verdict:
#   double: timed out
# ---
# %% double
try:
    while True:
        pass
except BaseException:
    pass


def double(x):
    return 0
