# ---
# about: Whole numbers of a million digits and floats past every range.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    text = json.dumps(notebook)
    return (text[:-1] + ', "x": 1e999999, "y": -Infinity, "z": NaN, "w": ' + "9" * 4000 + "}").encode()
