# ---
# about: A whole number of a million digits.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    return (json.dumps(notebook)[:-1] + ', "x": ' + "9" * 1_000_000 + "}").encode()
