# ---
# about: Changes the key that messages are signed with.
# verdict:
#   double: failed|killed|timed out|error
# ---
# %% double
get_ipython().kernel.session.key = b"mine"


def double(x):
    return 0
