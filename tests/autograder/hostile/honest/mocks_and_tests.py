# ---
# about: Tests its own answer with unittest and mock.
# ---
# %% double
import unittest
from unittest import mock


def double(x):
    return 2 * x


class Test(unittest.TestCase):
    def test_double(self):
        with mock.patch("builtins.print") as printed:
            print(double(2))
        printed.assert_called_with(4)


unittest.main(argv=[""], exit=False)
