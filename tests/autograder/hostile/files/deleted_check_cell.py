# ---
# about: The check cells are gone.
# verdict:
#   double: passed
#   total: passed
# finding: 'check cell'
# ---
import copy
import json


def build(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if not c["id"].endswith("-check")]
    return json.dumps(notebook).encode()
