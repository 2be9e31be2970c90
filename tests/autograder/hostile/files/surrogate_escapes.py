# ---
# about: Half surrogate pairs in sources, ids and metadata.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for cell in notebook["cells"]:
        cell["metadata"]["x\ud800"] = "\udfff"
    notebook["cells"].insert(0, {"cell_type": "code", "id": "\ud800", "source": "y = '\udc00'", "metadata": {}})
    return json.dumps(notebook).encode()
