# ---
# about: Answers with subclasses of str, int, list and dict whose methods lie.
# verdict:
#   double: failed|error|timed out|out of memory
# ---
# %% double
class Text(str):
    def __len__(self):
        return 0

    def encode(self, *a):
        return b"2"


class Numbers(dict):
    def items(self):
        while True:
            yield "a", Text("b" * 10)


class Whole(int):
    def __repr__(self):
        return str(2 * asked)

    __str__ = __format__ = __repr__

    def __index__(self):
        return 2 * asked


asked = 0


def double(x):
    global asked
    asked = x
    return Whole(1) if isinstance(x, int) else Numbers(a=Text("x" * 100))
