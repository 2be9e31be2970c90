# ---
# about: Replaces the shell's and the kernel's own methods, so that probes would run its code.
# verdict:
#   double: failed|error|timed out|killed
# ---
# %% double
from types import MethodType

shell = get_ipython()
kernel = shell.kernel
answer = "result = 2 * x"


async def run_cell_async(self, raw_cell, *args, **kwargs):
    print(raw_cell)
    return await real(answer)


real = shell.run_cell_async
shell.run_cell_async = MethodType(run_cell_async, shell)
shell.run_code = MethodType(lambda self, *a, **k: False, shell)


def double(x):
    return 0
