# ---
# about: Every part of a cell has another type than it should.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    odd = [None, 3, "code", [], {}, {"cell_type": "code"}, {"cell_type": ["code"], "source": 3},
           {"cell_type": "code", "source": {"a": 1}, "metadata": [], "id": []},
           {"cell_type": "code", "source": [1, None, ["x"]], "metadata": {"nbgrader": {"grade_id": ["double"]}}}]
    notebook["cells"] = odd + notebook["cells"] + odd
    notebook["metadata"] = "none"
    return json.dumps(notebook).encode()
