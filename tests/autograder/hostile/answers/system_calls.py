# ---
# about: 'Calls what a notebook has no use for: mount, unshare, keyctl, bpf, io_uring, userfaultfd, perf.'
# verdict:
#   double: failed
# ---
# %% double
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
allowed = []
for number in (165, 272, 308, 250, 321, 425, 323, 298, 155, 161, 175, 313, 246, 304, 310, 311, 101, 434, 438, 319, 447):
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) >= 0:
        allowed.append(number)


def double(x):
    return 2 * x if allowed else 0
