# ---
# about: Becomes another program.
# verdict:
#   double: killed|timed out
# ---
# %% double
import os

os.execv("/bin/sleep", ["sleep", "300"])


def double(x):
    return 0
