# ---
# about: Ends the kernel by abort.
# verdict:
#   double: killed
# ---
# %% double
import os

os.abort()


def double(x):
    return 0
