# ---
# about: Takes memory by NumPy, by mappings and by children together.
# verdict:
#   double: failed
# ---
# %% double
import mmap
import os
import time

import numpy as np

for attack in (lambda: np.ones(1 << 29), lambda: mmap.mmap(-1, 8 << 30), lambda: np.empty(1 << 40)):
    try:
        attack()
    except (MemoryError, OSError, ValueError):
        pass


def double(x):
    return 0
