# ---
# about: Takes four gigabytes of memory at once.
# verdict:
#   double: out of memory|failed
# ---
# %% double
hoard = bytearray(4 << 30)
