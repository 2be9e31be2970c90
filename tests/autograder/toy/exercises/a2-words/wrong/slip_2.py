# ---
# about: A slip, number 2.
# loses: {shout: 4}
# ---
# %% shout
def shout(word):
    return f"{GREETING} {word}!"
