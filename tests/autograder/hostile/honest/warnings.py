# ---
# about: Warns, on stderr, of every kind.
# ---
# %% double
import sys
import warnings

warnings.warn("slow", DeprecationWarning)
sys.stderr.write("careful\n")


def double(x):
    warnings.warn("again")
    print("x", file=sys.stderr)
    return 2 * x
