# ---
# about: 'Leaves processes behind: forked, forked twice, in sessions of their own, deaf to signals.'
# verdict:
#   double: failed
# ---
# %% double
import os
import signal
import subprocess
import sys
import time


def hide():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    for fd in range(3, 64):
        try:
            os.close(fd)
        except OSError:
            pass
    time.sleep(300)
    os._exit(0)


for _ in range(3):
    hide()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
subprocess.Popen("nohup sleep 300 & disown", shell=True)


def double(x):
    return 0
