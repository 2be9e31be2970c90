# ---
# about: A slip, number 1.
# loses: {shout: 4}
# ---
# %% shout
def shout(word):
    return word.upper()
