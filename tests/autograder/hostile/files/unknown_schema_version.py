# ---
# about: Schema versions that nobody knows, of nbgrader and of the notebook.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 999
    notebook["nbformat"], notebook["nbformat_minor"] = 97, "x"
    notebook["metadata"] = {"kernelspec": {"name": "bash", "argv": ["/bin/sh"]}}
    return json.dumps(notebook).encode()
