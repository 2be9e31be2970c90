# ---
# about: Raises an exception that cannot be shown, named or printed.
# verdict:
#   double: error|timed out|killed
# ---
# %% double
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)


class Odd(Exception, metaclass=Meta):
    def __str__(self):
        raise Odd

    __repr__ = __str__


def double(x):
    raise Odd
