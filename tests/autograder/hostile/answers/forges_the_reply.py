# ---
# about: Says that it is done before it is, with the kernel's own session and sockets.
# verdict:
#   double: failed|error|killed|timed out
# ---
# %% double
def double(x):
    kernel = get_ipython().kernel
    session, parent = kernel.session, kernel.get_parent("shell")
    for channel in (kernel.iopub_socket, kernel.shell_stream, kernel.control_stream):
        for kind, content in (
            ("execute_reply", {"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": []}),
            ("status", {"execution_state": "idle"}),
            ("shutdown_reply", {"status": "ok", "restart": False}),
        ):
            try:
                session.send(channel, kind, content, parent=parent)
            except Exception:
                pass
    return 0
