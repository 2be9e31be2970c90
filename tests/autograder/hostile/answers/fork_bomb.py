# ---
# about: A fork bomb.
# verdict:
#   double: timed out|killed|failed|error
# ---
# %% double
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
