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
    next(c for c in notebook["cells"] if c["id"] == "double-answer")["source"] = "# a comment\n" * 90_000
    return json.dumps(notebook).encode()
