# ---
# about: A slip, number 4.
# loses: {shout: 4}
# ---
# %% shout
def shout(word):
    return f"{GREETING} {word.upper()}"
