# ---
# about: Sends SIGKILL to every process that it may.
# verdict:
#   double: killed|failed|error|timed out
# ---
# %% double
import os
import signal

os.kill(-1, signal.SIGKILL)


def double(x):
    return 0
