# ---
# about: A slip, number 5.
# loses: {shout: 4}
# ---
# %% shout
def shout(word):
    return f"{GREETING} {word.title()}!"
