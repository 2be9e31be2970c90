# ---
# about: 'Debugs: shows tracebacks, catches everything, asserts, inspects source.'
# ---
# %% double
import inspect
import traceback


def double(x):
    try:
        raise ValueError(x)
    except ValueError:
        traceback.print_exc()
        traceback.format_stack()
    assert x is not None
    return 2 * x


print(inspect.getsource(double), inspect.signature(double))
