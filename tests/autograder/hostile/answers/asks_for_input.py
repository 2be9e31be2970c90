# ---
# about: Asks for input, and for a password.
# verdict:
#   double: error
# ---
# %% double
def double(x):
    import getpass

    return input('?') or getpass.getpass()
