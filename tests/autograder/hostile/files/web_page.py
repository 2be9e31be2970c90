# ---
# about: The sign-in page of a learning platform.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    return b"<!DOCTYPE html><title>Sign in</title>"
