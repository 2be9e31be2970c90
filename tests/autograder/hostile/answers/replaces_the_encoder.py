# ---
# about: Replaces json, pickle and display by its own, to answer for the check.
# verdict:
#   double: failed|killed
# ---
# %% double
import json
import json.decoder
import json.encoder
import pickle

import IPython.display


def lie(*args, **kwargs):
    return "2"


json.encoder.JSONEncoder.encode = json.encoder.JSONEncoder.iterencode = lie
pickle.dumps = pickle.loads = lie
IPython.display.display = IPython.display.publish_display_data = print


def double(x):
    return 0
