# ---
# about: More bytes than a submission may have.
# verdict:
#   double: refused
#   total: refused
# finding: 'larger than'
# ---
import copy
import json


def build(notebook):
    notebook["metadata"]["x"] = "y" * 150_000_000
    return json.dumps(notebook).encode()
