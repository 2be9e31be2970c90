# ---
# about: Closes every file of the kernel, its sockets among them.
# verdict:
#   double: killed|timed out|error
# ---
# %% double
import os

os.closerange(0, 512)


def double(x):
    return 0
