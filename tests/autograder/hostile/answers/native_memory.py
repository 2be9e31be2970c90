# ---
# about: Writes into Python's own objects by ctypes, to change a number's value.
# verdict:
#   double: failed|killed|error|timed out
# ---
# %% double
import ctypes

two = id(2)
ctypes.memmove(two + 24, b"\x03", 1)


def double(x):
    return 0
