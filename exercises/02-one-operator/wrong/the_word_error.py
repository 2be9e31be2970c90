# ---
# about: Counts every line that has the word in it.
# loses: {first_error: 3}
# ---
# %% first_error
def first_error(lines):
    errors = [line for line in lines if "ERROR" in line and "):" in line]
    return min(errors, key=lambda line: line.split("):")[1], default=None)
