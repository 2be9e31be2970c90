# ---
# about: Ten megabytes of outputs, attachments and widgets.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for cell in notebook["cells"]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 1_500_000}]
        cell["attachments"] = {"a.png": {"image/png": "A" * 100_000}}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return json.dumps(notebook).encode()
