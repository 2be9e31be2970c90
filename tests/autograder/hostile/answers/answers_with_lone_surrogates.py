# ---
# about: Answers with text that is no UTF-8 and holds NUL.
# verdict:
#   double: failed|error
# ---
# %% double
def double(x):
    return ['\ud800\x00', {'\udfff': '\x00'}]
