# ---
# about: The report thread makes no context current, and goes on for ever.
# loses: {callbacks: 3}
# ---
# %% callbacks
def deliver(stream, steps, on_done):
    def reports():
        while True:
            acl.rt.process_report(100)

    thread = threading.Thread(target=reports, daemon=True)
    thread.start()
    acl.rt.subscribe_report(thread.ident, stream)
    for i, step in enumerate(steps):
        step(stream)
        acl.rt.launch_callback(on_done, i, 1, stream)
    acl.rt.synchronize_stream(stream)
