# ---
# about: Looks for the hidden check through frames, tracebacks, generators and the garbage collector.
# verdict:
#   double: failed
# ---
# %% double
import gc
import inspect
import logging
import sys
import traceback

found = []


def look():
    for way in (
        lambda: sys._getframe(1),
        lambda: inspect.currentframe(),
        lambda: inspect.stack()[-1].frame,
        lambda: sys._current_frames().values(),
        lambda: logging.currentframe(),
        lambda: next(traceback.walk_stack(None)),
        lambda: [o for o in gc.get_objects() if type(o).__name__ == "frame"],
    ):
        try:
            found.append(way())
        except BaseException:
            pass
    try:
        1 / 0
    except ZeroDivisionError as error:
        try:
            found.append(error.__traceback__.tb_frame.f_back)
        except BaseException:
            pass
    g = (found.append(1) for _ in [1])
    try:
        found.append(g.gi_frame)
    except BaseException:
        pass


def double(x):
    look()
    for frame in found:
        while frame is not None and hasattr(frame, "f_globals"):
            for names in (frame.f_globals, frame.f_locals):
                if "expected" in names:
                    return names["expected"]
                if "result" in names or "inside" in names:
                    names["x"] = 0
            frame = frame.f_back
    return 0
