# ---
# about: The second task loops for ever.
# ---
# %% double
def double(x):
    return 2 * x


# %% total
def total(numbers):
    while True:
        pass
