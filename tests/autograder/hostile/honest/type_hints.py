# ---
# about: Has type hints, docstrings and doctests.
# ---
# %% double
from __future__ import annotations

from typing import TypeVar

T = TypeVar("T", int, float)


def double(x: T) -> T:
    """Twice x.

    >>> double(2)
    4
    """
    return 2 * x


import doctest

doctest.testmod()
