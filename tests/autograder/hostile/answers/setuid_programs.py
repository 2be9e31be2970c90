# ---
# about: Runs programs that gain rights, and asks for rights itself.
# verdict:
#   double: failed
# ---
# %% double
import os
import subprocess

for command in ("sudo -n id", "su -c id", "mount", "ping -c1 127.0.0.1", "newgrp root", "passwd root", "pkexec id"):
    try:
        done = subprocess.run(command, shell=True, capture_output=True, timeout=1, stdin=subprocess.DEVNULL)
        if b"uid=0" in done.stdout:
            loot = True
    except (OSError, subprocess.SubprocessError):
        pass
for way in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.seteuid(0)):
    try:
        way()
    except OSError:
        pass


def double(x):
    return 2 * x if "loot" in globals() else 0
