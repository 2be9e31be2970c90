# ---
# about: Joins two words.
# ---
# %% shout
def shout(word):
    return " ".join([GREETING, word.upper()]) + "!"
