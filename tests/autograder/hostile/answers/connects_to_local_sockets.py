# ---
# about: 'Looks for sockets of others: by path, abstract, of the grader''s other kernels, by /proc/net/unix.'
# verdict:
#   double: failed
# ---
# %% double
import glob
import os
import socket

names = ["@SOCKET@", "\0@ABSTRACT@", *glob.glob("/tmp/camp-*/**", recursive=True), "/var/run/docker.sock"]
try:
    names += [line.split()[-1].replace("@", "\0") for line in open("/proc/net/unix") if "/" in line or "@" in line]
except OSError:
    pass
for name in names:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            s = socket.socket(socket.AF_UNIX, kind)
            s.settimeout(0.1)
            s.connect(name)
            s.send(b"out")
        except OSError:
            pass


def double(x):
    return 0
