# ---
# about: Keeps state in globals between calls.
# ---
# %% double
calls = 0


def double(x):
    global calls
    calls += 1
    return 2 * x
