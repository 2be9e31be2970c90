# ---
# about: Sends what is no message on the kernel's sockets.
# verdict:
#   double: failed|killed|timed out|error
# ---
# %% double
kernel = get_ipython().kernel
for rubbish in ([b""], [b"<IDS|MSG>"], [b"x" * 100] * 50, [b"<IDS|MSG>", b"sig", b"{}", b"[", b"{}", b"\xff"]):
    try:
        kernel.iopub_socket.send_multipart(rubbish)
    except Exception:
        pass


def double(x):
    return 0
