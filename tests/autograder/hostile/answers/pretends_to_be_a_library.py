# ---
# about: Compiles code under the name of a library's file, to be given frames.
# verdict:
#   double: failed
# ---
# %% double
import logging
import sys

stolen = []
source = "import sys\ndef peek():\n    return sys._getframe(2)\n"
for name in (logging.__file__, "<frozen importlib._bootstrap>", sys.prefix + "/lib/x.py"):
    try:
        space = {}
        exec(compile(source, name, "exec"), space)
        stolen.append(space["peek"])
    except BaseException:
        pass
try:
    stolen.append((lambda: sys._getframe(2)).__code__.replace(co_filename=logging.__file__))
except BaseException:
    pass


def double(x):
    for peek in stolen:
        try:
            frame = peek()
        except BaseException:
            continue
        while frame:
            if "result" in frame.f_globals or "number" in frame.f_locals:
                return 2 * x
            frame = frame.f_back
    return 0
