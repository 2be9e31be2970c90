# ---
# about: Ends the thread, but leaves the stream subscribed to it.
# loses: {callbacks: 1}
# ---
# %% callbacks
def deliver(stream, steps, on_done):
    context, _ = acl.rt.get_context()
    stop = threading.Event()

    def reports():
        acl.rt.set_context(context)
        while not stop.is_set():
            acl.rt.process_report(10)

    thread = threading.Thread(target=reports)
    thread.start()
    acl.rt.subscribe_report(thread.ident, stream)
    for i, step in enumerate(steps):
        step(stream)
        acl.rt.launch_callback(on_done, i, 1, stream)
    acl.rt.synchronize_stream(stream)
    stop.set()
    thread.join()
