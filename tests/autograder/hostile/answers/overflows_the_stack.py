# ---
# about: Overflows the C stack.
# verdict:
#   double: killed|error|failed|out of memory
# ---
# %% double
import sys

sys.setrecursionlimit(10**9)


def down(x):
    return [down] and down(x) + 1 if x else repr(x)


def nested(n):
    v = []
    for _ in range(n):
        v = [v]
    return v


repr(nested(10**6))


def double(x):
    return 0
