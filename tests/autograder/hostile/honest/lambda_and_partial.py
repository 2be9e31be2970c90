# ---
# about: Is a lambda, and a function of the standard library.
# ---
# %% double
import functools
import operator

double = functools.partial(operator.mul, 2)

# %% total
total = sum
