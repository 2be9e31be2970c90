# ---
# about: Prints much, and in colours.
# ---
# %% double
print("\x1b[32mhello\x1b[0m" * 100)


def double(x):
    print("double of", x, flush=True)
    return 2 * x
