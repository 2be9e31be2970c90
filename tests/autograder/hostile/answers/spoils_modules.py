# ---
# about: Puts other modules in the place of those that graders use.
# verdict:
#   double: failed|error|timed out|killed
# ---
# %% double
import sys
import types

for name in ("json", "json.encoder", "math", "copy", "torch", "numpy", "IPython.display", "camp", "camp.checks", "camp.inside"):
    sys.modules[name] = types.ModuleType(name)
sys.path.insert(0, "/tmp")
sys.meta_path.insert(0, type("Finder", (), {"find_spec": staticmethod(lambda *a, **k: None)}))


def double(x):
    return 0
