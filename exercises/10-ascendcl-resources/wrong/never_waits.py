# ---
# about: Puts all copies on the stream and returns; measures without waiting for the second event.
# loses: {upload: 4, callbacks: 2}
# ---
# %% upload
def upload(frames, nbytes, stream):
    addresses = []
    for frame in frames:
        address, ret = acl.rt.malloc(nbytes, 0)
        check(ret, "malloc")
        check(acl.rt.memcpy_async(address, nbytes, frame, nbytes, HOST_TO_DEVICE, stream), "copy")
        addresses.append(address)
    return addresses


# %% callbacks
def deliver(stream, steps, on_done):
    def reports():
        for i, _ in enumerate(steps):
            on_done(i)

    for step in steps:
        step(stream)
    thread = threading.Thread(target=reports)
    thread.start()
    thread.join()
