# ---
# about: Stops the kernel's event loop and its threads.
# verdict:
#   double: killed|timed out|error|failed
# ---
# %% double
import asyncio
import threading

kernel = get_ipython().kernel
kernel.io_loop.add_callback(kernel.io_loop.stop)
for stop in (kernel.iopub_thread.stop, kernel.control_thread.stop, asyncio.get_event_loop().stop):
    try:
        stop()
    except Exception:
        pass


def double(x):
    return 0
