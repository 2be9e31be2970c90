# ---
# about: Answers with an object whose every method never ends.
# verdict:
#   double: error|timed out
# ---
# %% double
def forever(*args, **kwargs):
    while True:
        pass


class Trap:
    __repr__ = __eq__ = __reduce__ = __reduce_ex__ = __array__ = __iter__ = __len__ = __str__ = forever
    __hash__ = __float__ = __int__ = __index__ = __bool__ = __getstate__ = __format__ = forever
    __class__ = property(forever)


def double(x):
    return Trap()
