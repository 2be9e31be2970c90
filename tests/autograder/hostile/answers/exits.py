# ---
# about: Ends the kernel by os._exit with code 0.
# verdict:
#   double: killed
# ---
# %% double
import os

os._exit(0)


def double(x):
    return 0
