# ---
# about: A typical partial, with prints.
# ---
# %% double
def double(x):
    return 2 * int(x)


print("double of 2 is", double(2))


# %% total
def total(numbers):
    return sum(numbers)
