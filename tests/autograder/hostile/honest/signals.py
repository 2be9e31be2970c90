# ---
# about: Sets a time limit of its own by a signal, and puts the handlers back.
# ---
# %% double
import signal
import subprocess


def late(number, frame):
    raise TimeoutError(number)


signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
subprocess.run(["true"], check=True)


def double(x):
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        return 2 * x
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
