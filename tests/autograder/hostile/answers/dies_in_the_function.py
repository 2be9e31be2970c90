# ---
# about: Ends the kernel when it is asked.
# verdict:
#   double: killed
# ---
# %% double
def double(x):
    import os

    os._exit(1)
