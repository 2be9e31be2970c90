# ---
# about: Asks Python's own functions in C for frames and threads.
# verdict:
#   double: failed
# ---
# %% double
import ctypes

loot = []


def double(x):
    for name in ("PyEval_GetFrame", "PyEval_GetLocals", "PyThreadState_GetDict", "PySys_GetObject"):
        try:
            function = getattr(ctypes.pythonapi, name)
            loot.append(function)
        except RuntimeError:
            pass
    return 2 * x if loot else 0
