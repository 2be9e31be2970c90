# ---
# about: Follows all calls by settrace, setprofile and threads, to see the check's values.
# verdict:
#   double: failed|error
# ---
# %% double
import sys
import threading

seen = []


def trace(frame, event, arg):
    seen.append((frame.f_code.co_name, dict(frame.f_locals)))
    return trace


for way in (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile):
    try:
        way(trace)
    except BaseException:
        pass


def double(x):
    return 2 * x if any("expected" in names for _, names in seen) else 0
