# ---
# about: Sets timers and exit handlers that go off while another task is graded.
# verdict:
#   double: failed
# ---
# %% double
import atexit
import os
import signal
import threading

signal.signal(signal.SIGALRM, lambda *a: globals().update(total=lambda n: "spoilt"))
signal.setitimer(signal.ITIMER_REAL, 30)
atexit.register(lambda: os.fork() or os.execv("/bin/sleep", ["sleep", "300"]))
threading.Timer(30, os._exit, (0,)).start()


def double(x):
    return 0
