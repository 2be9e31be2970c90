# ---
# about: Has a timer's signal bring it the frame of whoever runs.
# verdict:
#   double: failed
# ---
# %% double
import _signal
import signal
import time

frames = []
for module in (signal, _signal):
    try:
        module.signal(signal.SIGALRM, lambda number, frame: frames.append(frame))
    except Exception:
        pass


def double(x):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    for _ in range(8):
        time.sleep(0.01)
    return 2 * x if any(frame is not None for frame in frames) else 0
