# ---
# about: Takes its time.
# ---
# %% double
import time


def double(x):
    time.sleep(0.4)
    return 2 * x
