# ---
# about: Lists nested a hundred thousand times.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    return (json.dumps(notebook)[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}").encode()
