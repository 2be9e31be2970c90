# ---
# about: Builds the sum with reduce.
# ---
# %% total
import functools


def total(numbers):
    return functools.reduce(operator.add, numbers, 0)
