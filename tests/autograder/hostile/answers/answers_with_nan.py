# ---
# about: 'Answers with what equals nothing and everything: NaN and infinity.'
# verdict:
#   double: failed
# ---
# %% double
def double(x):
    return float('nan') if isinstance(x, int) else float('inf')
