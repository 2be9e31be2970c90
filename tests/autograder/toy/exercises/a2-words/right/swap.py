# ---
# about: Goes through a comprehension.
# ---
# %% shout
def shout(word):
    return GREETING + " " + "".join(letter.upper() for letter in word) + "!"
