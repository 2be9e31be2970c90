# ---
# about: Tries to earn the other task's points from here, and spoils its name.
# verdict:
#   double: failed
# ---
# %% double
class Sealed(dict):
    pass


total = sum
get_ipython().user_ns.update(total=lambda numbers: 0)


def double(x):
    return 0
