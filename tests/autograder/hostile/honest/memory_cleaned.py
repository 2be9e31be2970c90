# ---
# about: Collects garbage, freezes and counts what is there.
# ---
# %% double
import gc
import sys

gc.collect()
gc.disable()
print(len(gc.get_objects()), sys.getsizeof([]))

def double(x):
    return 2 * x
