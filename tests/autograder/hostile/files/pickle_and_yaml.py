# ---
# about: A pickle that would run a command.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    import os
    import pickle


    class Run:
        def __reduce__(self):
            return os.system, ("touch /tmp/camp-hostile-pickle",)


    return pickle.dumps(Run())
