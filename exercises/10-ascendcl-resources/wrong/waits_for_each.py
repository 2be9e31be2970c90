# ---
# about: Waits after every copy and every step.
# loses: {upload: 2, measure: 3, callbacks: 1}
# ---
# %% upload
def upload(frames, nbytes, stream):
    addresses = []
    for frame in frames:
        address, ret = acl.rt.malloc(nbytes, 0)
        check(ret, "malloc")
        check(acl.rt.memcpy_async(address, nbytes, frame, nbytes, 1, stream), "copy")
        check(acl.rt.synchronize_stream(stream), "wait")
        addresses.append(address)
    return addresses


# %% measure
def bandwidth(nbytes, repeats):
    stream, _ = acl.rt.create_stream()
    host, _ = acl.rt.malloc_host(nbytes)
    device, _ = acl.rt.malloc(nbytes, 0)
    rates = []
    for target, source, kind in ((device, host, 1), (host, device, 2)):
        acl.rt.memcpy(target, nbytes, source, nbytes, kind)
        first, second = acl.rt.create_event()[0], acl.rt.create_event()[0]
        acl.rt.record_event(first, stream)
        for _ in range(repeats):
            acl.rt.memcpy(target, nbytes, source, nbytes, kind)
        acl.rt.record_event(second, stream)
        acl.rt.synchronize_stream(stream)
        rates.append(nbytes * repeats / acl.rt.event_elapsed_time(first, second)[0] / 1e6)
        acl.rt.destroy_event(first)
        acl.rt.destroy_event(second)
    acl.rt.free(device)
    acl.rt.free_host(host)
    acl.rt.destroy_stream(stream)
    return tuple(rates)


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
    acl.rt.unsubscribe_report(thread.ident, stream)
    stop.set()
    thread.join()
