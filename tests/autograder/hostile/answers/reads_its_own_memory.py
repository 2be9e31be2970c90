# ---
# about: Reads its own memory and its parents' by /proc and ptrace.
# verdict:
#   double: failed
# ---
# %% double
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for pid in ("self", "1", str(os.getppid()), "@PID@"):
    for name in ("mem", "environ", "maps", "auxv", "fd/0", "root/etc/shadow", "cwd/x"):
        try:
            with open(f"/proc/{pid}/{name}", "r+b") as file:
                file.write(b"x")
        except (OSError, ValueError):
            pass
for pid in (1, os.getppid(), @PID@):
    libc.ptrace(16, pid, 0, 0)
    libc.ptrace(0x4206, pid, 0, 0)


def double(x):
    return 0
