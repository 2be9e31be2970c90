# ---
# about: Answer cells pretend to be check cells and the other way round.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    for cell in notebook["cells"]:
        grading = cell["metadata"].get("nbgrader")
        if grading:
            grading.update(grade=True, solution=True, locked=False, task=True, points=50, cell_type="markdown")
    return json.dumps(notebook).encode()
