# ---
# about: Two cells have one id, and one answer is there three times.
# verdict:
#   double: passed
#   total: passed
# finding: 'is there more than once; the first one counts'
# ---
import copy
import json


def build(notebook):
    cells = notebook["cells"]
    answer = next(c for c in cells if c["id"] == "double-answer")
    for _ in range(2):
        other = copy.deepcopy(answer)
        other["source"] = "double = None"
        cells.append(other)
    for cell in cells:
        cell["id"] = "the-same"
    return json.dumps(notebook).encode()
