# ---
# about: Ids and names that are markup, paths and templates.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for n, cell in enumerate(notebook["cells"]):
        cell["id"] = f"<script>{n}</script>/../../x{{ 7 }}"
        cell["metadata"]["name"] = "../../../etc/passwd"
    return json.dumps(notebook).encode()
