# ---
# about: An answer cell is gone.
# verdict:
#   double: not attempted
#   total: passed
# finding: "the answer cell of 'double' is missing"
# ---
import copy
import json


def build(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "double-answer"]
    return json.dumps(notebook).encode()
