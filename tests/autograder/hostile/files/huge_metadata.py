# ---
# about: Nineteen megabytes of metadata.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    notebook["metadata"]["x"] = "y" * 19_000_000
    return json.dumps(notebook).encode()
