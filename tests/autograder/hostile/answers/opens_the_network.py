# ---
# about: 'Opens every kind of connection: TCP, UDP, names, raw, netlink, Bluetooth, VSOCK.'
# verdict:
#   double: failed
# ---
# %% double
import socket

for kind, address in [
    (socket.SOCK_STREAM, ("127.0.0.1", @PORT@)),
    (socket.SOCK_DGRAM, ("127.0.0.1", @PORT@)),
    (socket.SOCK_STREAM, ("192.0.2.1", 80)),
    (socket.SOCK_DGRAM, ("255.255.255.255", 9)),
]:
    try:
        s = socket.socket(type=kind)
        s.settimeout(0.2)
        s.connect(address)
        s.send(b"out")
    except OSError:
        pass
for family in (16, 17, 31, 38, 40, 44):
    try:
        socket.socket(family, socket.SOCK_RAW).send(b"out")
    except OSError:
        pass
try:
    socket.getaddrinfo("example.com", 80)
except OSError:
    pass


def double(x):
    return 0
