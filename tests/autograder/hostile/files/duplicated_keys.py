# ---
# about: JSON keys twice, with different values.
# verdict:
#   double: passed
#   total: passed
# ---
import copy
import json


def build(notebook):
    text = json.dumps(notebook)
    return (text[:-1] + ', "cells": ' + json.dumps(notebook["cells"]) + "}").encode()
