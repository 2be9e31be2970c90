# ---
# about: Answers with scalars of NumPy.
# ---
# %% double
import numpy as np


def double(x):
    return np.float64(2 * x) if isinstance(x, float) else np.int64(2 * x)

# %% total
import numpy as np


def total(numbers):
    return np.sum(np.array(numbers, dtype=np.int64))
