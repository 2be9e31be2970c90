# ---
# about: Takes the first error of the list instead of the first in time.
# loses: {first_error: 2}
# ---
# %% first_error
def first_error(lines):
    for line in lines:
        if line.startswith("[ERROR]"):
            return line
    return None
