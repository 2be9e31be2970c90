# ---
# about: Writes to shared memory and message queues, for another learner's code to find.
# verdict:
#   double: failed
# ---
# %% double
import ctypes
import os
from multiprocessing import shared_memory

libc = ctypes.CDLL(None)
libc.shmget(0x1234, ctypes.c_size_t(1 << 20), 0o1666)
libc.semget(0x1234, 1, 0o1666)
libc.msgget(0x1234, 0o1666)
for way in (
    lambda: shared_memory.SharedMemory("camp-hostile", create=True, size=4096),
    lambda: open("/dev/shm/camp-hostile-file", "w").write("x"),
    lambda: os.memfd_create("x"),
):
    try:
        way()
    except OSError:
        pass


def double(x):
    return 0
