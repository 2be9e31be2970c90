# ---
# about: Prints a hundred megabytes, at once, in lines and as displays, in the cell and in the function.
# verdict:
#   double: failed
# ---
# %% double
import sys

print("x" * 100_000_000)
for _ in range(20_000):
    print("y" * 100)
    sys.stderr.write("z" * 100)
for _ in range(200):
    display("d" * 10_000)


def double(x):
    print("x" * 10_000_000)
    return 0
