# ---
# about: 'Text that is no program: NUL, half pairs, tabs and a marker of another cell.'
# verdict:
#   double: error|failed
# ---
# %% double
def double(x
