# ---
# about: Gives the names of built-in functions to its own, hoping that a question uses them.
# verdict:
#   double: failed
# ---
# %% double
def type(value):
    return int


def len(value):
    return 0


isinstance = all = any = lambda *a: True
int = float = lambda *a: 2


def double(x):
    return 0
