# ---
# about: Uses threads and processes, and leaves one running.
# ---
# %% double
import threading
from concurrent.futures import ThreadPoolExecutor

threading.Thread(target=threading.Event().wait, daemon=True).start()


def double(x):
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda n: n, [x, x]))
