# ---
# about: Uses a dataclass, a named tuple, an enumeration, a decorator and a closure.
# ---
# %% double
import enum
import functools
from collections import namedtuple
from dataclasses import dataclass

Pair = namedtuple("Pair", "a b")


class Kind(enum.IntEnum):
    TWICE = 2


@dataclass
class Doubler:
    factor: int = 2

    def __call__(self, x):
        return self.factor * x


def traced(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args)

    return inner


@traced
@functools.lru_cache
def double(x):
    return Pair(Doubler(Kind.TWICE)(x), 0).a
