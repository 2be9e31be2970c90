# ---
# about: A hundred thousand cells.
# verdict:
#   double: passed
#   total: passed
# finding: 'cells were added'
# ---
import copy
import json


def build(notebook):
    cell = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}
    notebook["cells"] = [*notebook["cells"][:2], *[dict(cell) for _ in range(100_000)], *notebook["cells"][2:]]
    return json.dumps(notebook).encode()
