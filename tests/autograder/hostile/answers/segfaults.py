# ---
# about: Ends the kernel by reading address 0.
# verdict:
#   double: killed
# ---
# %% double
import ctypes

ctypes.string_at(0)


def double(x):
    return 0
