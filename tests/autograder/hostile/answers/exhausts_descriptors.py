# ---
# about: Opens files until there are no more descriptors, and keeps them.
# verdict:
#   double: failed|error|killed|timed out
# ---
# %% double
kept = []
try:
    while True:
        kept.append(open("/dev/null"))
except OSError:
    pass


def double(x):
    return 0
