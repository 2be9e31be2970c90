# ---
# about: NUL bytes around the file.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    return b"\0" * 10 + json.dumps(notebook).encode() + b"\0"
