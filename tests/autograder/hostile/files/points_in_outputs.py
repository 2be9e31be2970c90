# ---
# about: Outputs that say that all is right, and metadata with grades.
# verdict:
#   double: failed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for cell in notebook["cells"]:
        cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "5/5"}, "metadata": {}}]
        if cell["id"] == "double-answer":
            cell["source"] = "def double(x):\n    return 0\n"
            cell["metadata"]["nbgrader"].update(points=5, auto_score=5, manual_score=5)
    notebook["metadata"]["grades"] = {"double": 2}
    return json.dumps(notebook).encode()
