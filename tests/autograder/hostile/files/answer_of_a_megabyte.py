# ---
# about: An answer of a million characters.
# verdict:
#   double: failed|error
#   total: passed
# finding: 'characters'
# ---
import copy
import json


def build(notebook):
    next(c for c in notebook["cells"] if c["id"] == "double-answer")["source"] = "x = 1\n" * 200_000
    return json.dumps(notebook).encode()
