# ---
# about: Full marks.
# ---
# %% shout
def shout(word):
    return f"{GREETING} {word.upper()}!"
