# ---
# about: Empties its namespace, the built-in functions and the list of modules.
# verdict:
#   double: error|killed|timed out|failed
# ---
# %% double
import builtins
import sys

for name in ("print", "open", "isinstance", "str", "ValueError"):
    setattr(builtins, name, None)
sys.modules.clear()
globals().clear()
