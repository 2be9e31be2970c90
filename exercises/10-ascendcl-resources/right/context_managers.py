# ---
# about: Nests try and finally, uses bytes instead of pointers of arrays, a pool of threads, and a slab.
# ---
# %% begin_end
def with_device(device_id, work):
    ret = acl.init()
    if ret not in (0, 100002):
        raise RuntimeError(f"init {ret}")
    try:
        check(acl.rt.set_device(device_id), "device")
        try:
            context, code = acl.rt.create_context(device_id)
            check(code, "context")
            try:
                stream, code = acl.rt.create_stream()
                check(code, "stream")
                try:
                    return work(stream)
                finally:
                    check(acl.rt.destroy_stream(stream), "destroy_stream")
            finally:
                check(acl.rt.destroy_context(context), "destroy_context")
        finally:
            check(acl.rt.reset_device(device_id), "reset_device")
    finally:
        if ret == 0:
            check(acl.finalize(), "finalize")


# %% copy
def there_and_back(array):
    data = array.tobytes()
    size = len(data)
    address, ret = acl.rt.malloc(size, 2)
    check(ret, "malloc")
    check(acl.rt.memcpy(address, size, acl.util.bytes_to_ptr(data), size, 1), "there")
    host, ret = acl.rt.malloc_host(size)
    check(ret, "malloc_host")
    try:
        check(acl.rt.memcpy(host, size, address, size, 2), "back")
        back = np.frombuffer(acl.util.ptr_to_bytes(host, size), dtype=array.dtype)
        return address, back.reshape(array.shape).copy()
    finally:
        acl.rt.free_host(host)


# %% threads
def in_threads(jobs):
    from concurrent.futures import ThreadPoolExecutor

    context, ret = acl.rt.get_context()
    check(ret, "get_context")
    begin = lambda: check(acl.rt.set_context(context), "set_context")  # noqa: E731
    with ThreadPoolExecutor(len(jobs), initializer=begin) as pool:
        return list(pool.map(lambda job: job(), jobs))


# %% upload
def upload(frames, nbytes, stream):
    found = [acl.rt.malloc(nbytes, 0) for _ in frames]
    for _, ret in found:
        check(ret, "malloc")
    for (address, _), frame in zip(found, frames, strict=True):
        check(acl.rt.memcpy_async(address, nbytes, frame, nbytes, HOST_TO_DEVICE, stream), "copy")
    event, ret = acl.rt.create_event()
    check(ret, "event")
    check(acl.rt.record_event(event, stream), "record")
    check(acl.rt.synchronize_event(event), "wait")
    acl.rt.destroy_event(event)
    return [address for address, _ in found]


# %% measure
def bandwidth(nbytes, repeats):
    stream, ret = acl.rt.create_stream()
    check(ret, "stream")
    host, device = acl.rt.malloc_host(nbytes)[0], acl.rt.malloc(nbytes, 0)[0]
    marks = [acl.rt.create_event()[0] for _ in range(4)]

    def copies(count, back):
        ends = (host, nbytes, device) if back else (device, nbytes, host)
        for _ in range(count):
            check(acl.rt.memcpy_async(*ends, nbytes, 2 if back else 1, stream), "copy")

    for back in (False, True):
        copies(2, back)
        acl.rt.record_event(marks[2 * back], stream)
        copies(repeats, back)
        acl.rt.record_event(marks[2 * back + 1], stream)
    check(acl.rt.synchronize_device(), "wait")
    times = [acl.rt.event_elapsed_time(marks[i], marks[i + 1])[0] for i in (0, 2)]
    for mark in marks:
        acl.rt.destroy_event(mark)
    acl.rt.destroy_stream(stream)
    acl.rt.free(device)
    acl.rt.free_host(host)
    there, back = (repeats * nbytes * 1e-6 / ms for ms in times)
    return there, back


# %% callbacks
def deliver(stream, steps, on_done):
    running = [True]

    def reports(args):
        (context,) = args
        acl.rt.set_context(context)
        while running[0]:
            acl.rt.process_report(10)

    thread, ret = acl.util.start_thread(reports, [acl.rt.get_context()[0]])
    check(ret, "thread")
    check(acl.rt.subscribe_report(thread, stream), "subscribe")
    for number in range(len(steps)):
        steps[number](stream)
        acl.rt.launch_callback(on_done, number, 1, stream)
    acl.rt.synchronize_stream(stream)
    acl.rt.unsubscribe_report(thread, stream)
    running[0] = False
    acl.util.stop_thread(thread)


# %% leak
def stamp(frame, value, count):
    address, ret = acl.rt.malloc(frame.nbytes, 0)
    check(ret, "malloc")
    result = frame.copy()
    pointer, size = acl.util.numpy_to_ptr(result), frame.nbytes
    codes = [acl.rt.memcpy(address, size, pointer, size, HOST_TO_DEVICE)]
    codes.append(acl.rt.memset(address, size, value, count))
    codes.append(acl.rt.memcpy(pointer, size, address, size, DEVICE_TO_HOST))
    codes.append(acl.rt.free(address))
    check(max(codes), f"one of {codes}")
    return result
