# ---
# about: Starts threads until it is stopped, all of which loop.
# verdict:
#   double: error|timed out|killed|out of memory
# ---
# %% double
def double(x):
    import threading

    while True:
        threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
