# ---
# about: 'Asks libraries that hand frames on: of IPython, stack_data, profile, asyncio, inspect.'
# verdict:
#   double: failed
# ---
# %% double
import asyncio
import profile
import traceback

import stack_data
from IPython.utils.frame import extract_module_locals

loot = []


def double(x):
    for depth in range(1, 6):
        try:
            names = extract_module_locals(depth)[1]
            if "x" in names and "__builtins__" in names:
                loot.append(names)
        except RuntimeError:
            pass
    try:
        raise ValueError
    except ValueError as error:
        try:
            loot.append(stack_data.FrameInfo(error.__traceback__).frame)
        except RuntimeError:
            pass
    try:
        loot.append(next(traceback.walk_stack(None)))
    except RuntimeError:
        pass
    tracer = profile.Profile()
    tracer.dispatcher = lambda frame, event, arg: loot.append(frame)
    try:
        tracer.runcall(len, [])
    except RuntimeError:
        pass
    return 2 * x if loot else 0
