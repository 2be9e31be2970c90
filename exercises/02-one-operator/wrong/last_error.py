# ---
# about: Takes the last error, which stands nearest to the crash.
# loses: {first_error: 2}
# ---
# %% first_error
import re


def first_error(lines):
    errors = [line for line in lines if re.match(r"\[ERROR\] [A-Z]+\(\d+,", line)]
    return max(errors, key=lambda line: line.split("):")[1]) if errors else None
