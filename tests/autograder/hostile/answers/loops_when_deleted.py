# ---
# about: Answers rightly once, and never ends when what it made is deleted.
# verdict:
#   double: timed out|failed
# ---
# %% double
class Trap:
    def __del__(self):
        while True:
            pass


def double(x):
    Trap()
    return 0
