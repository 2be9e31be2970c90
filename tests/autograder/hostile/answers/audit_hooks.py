# ---
# about: Adds an audit hook, to be shown the code that a question runs.
# verdict:
#   double: failed
# ---
# %% double
import sys

seen = []
sys.addaudithook(lambda event, args: seen.append(args) if event in ("exec", "compile", "camp.ask") else None)


def double(x):
    exec("1 + 1")
    return 2 * x if seen else 0
