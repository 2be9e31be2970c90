# ---
# about: A slip, number 3.
# loses: {shout: 4}
# ---
# %% shout
def shout(word):
    return f"{GREETING}{word.upper()}!"
