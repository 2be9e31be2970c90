# ---
# about: Defines the answer several times; the last one counts.
# ---
# %% double
def double(x):
    return x


def double(x):
    return x + x


double(3)
double("a")
