# ---
# about: Prints points by display hooks of Python and IPython.
# verdict:
#   double: failed
# ---
# %% double
import sys

sys.displayhook = lambda value: print(2)
get_ipython().display_formatter.format = lambda *a, **k: ({"text/plain": "2"}, {})
print("points: 2")
2


def double(x):
    return 0
