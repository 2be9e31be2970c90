# ---
# about: Kills its whole process group.
# verdict:
#   double: killed
# ---
# %% double
import os
import signal

os.killpg(0, signal.SIGKILL)


def double(x):
    return 0
