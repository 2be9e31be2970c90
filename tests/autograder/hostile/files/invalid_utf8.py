# ---
# about: Bytes that are no UTF-8 in the middle.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    return json.dumps(notebook).encode().replace(b"def double", b"def \xff\xfe double")
