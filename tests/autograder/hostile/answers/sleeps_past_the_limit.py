# ---
# about: Sleeps for longer than a cell may take.
# verdict:
#   double: timed out
# ---
# %% double
def double(x):
    import time

    time.sleep(1000)
    return 2 * x
