# ---
# about: Takes memory without end when it is asked for its answer.
# verdict:
#   double: out of memory
# ---
# %% double
def double(x):
    hoard = []
    while True:
        hoard.append(bytearray(1 << 26))
