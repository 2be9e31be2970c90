# ---
# about: Replaces sys.audit, compile and exec, which probes come through.
# verdict:
#   double: failed|error
# ---
# %% double
import builtins
import sys

sys.audit = lambda *args: print("2")
real = builtins.compile
builtins.compile = lambda source, *a, **k: real(str(source).replace("double(x)", "2 * x") if isinstance(source, str) else source, *a, **k)


def double(x):
    return 0
