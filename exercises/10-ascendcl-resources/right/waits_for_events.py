# ---
# about: A queue of results, a wait after the copy that warms up, an event behind each step and no callback.
# ---
# %% begin_end
def with_device(device_id, work):
    first = acl.init()
    if first not in (0, 100002):
        raise RuntimeError("init " + str(first))
    try:
        check(acl.rt.set_device(device_id), "set")
        try:
            context, ret = acl.rt.create_context(device_id)
            check(ret, "context")
            try:
                stream, ret = acl.rt.create_stream()
                check(ret, "stream")
                try:
                    return work(stream)
                finally:
                    acl.rt.synchronize_stream(stream)
                    acl.rt.set_context(context)
                    check(acl.rt.destroy_stream(stream), "destroy stream")
            finally:
                check(acl.rt.destroy_context(context), "destroy context")
        finally:
            check(acl.rt.reset_device(device_id), "reset")
    finally:
        if first == 0:
            acl.finalize()


# %% copy
def there_and_back(array):
    whole = np.array(array, order="C", copy=True)
    address, ret = acl.rt.malloc(array.nbytes, 0)
    check(ret, "malloc")
    host, ret = acl.rt.malloc_host(array.nbytes)
    check(ret, "malloc_host")
    try:
        check(acl.rt.memcpy(address, whole.nbytes, whole.ctypes.data, whole.nbytes, HOST_TO_DEVICE), "in")
        check(acl.rt.memcpy(host, whole.nbytes, address, whole.nbytes, DEVICE_TO_HOST), "out")
        raw = acl.util.ptr_to_numpy(host, (whole.nbytes,), np.dtype(np.uint8).num).copy()
    finally:
        acl.rt.free_host(host)
    return address, raw.view(array.dtype).reshape(array.shape)


# %% threads
def in_threads(jobs):
    import queue

    here, ret = acl.rt.get_context()
    check(ret, "get_context")
    box = queue.Queue()

    def work(n, job):
        check(acl.rt.set_context(here), "set_context")
        box.put((n, job()))

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(jobs)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return [r for _, r in sorted((box.get_nowait() for _ in range(box.qsize())), key=lambda p: p[0])]


# %% upload
def upload(frames, nbytes, stream):
    addresses = []
    try:
        for number, frame in enumerate(frames):
            address, ret = acl.rt.malloc(nbytes, 0)
            check(ret, f"frame {number}")
            addresses.append(address)
            check(acl.rt.memcpy_async(address, nbytes, frame, nbytes, HOST_TO_DEVICE, stream), "copy")
        mark, ret = acl.rt.create_event()
        check(ret, "event")
        check(acl.rt.record_event(mark, stream), "record")
        check(acl.rt.synchronize_event(mark), "event wait")
        acl.rt.destroy_event(mark)
    except RuntimeError:
        acl.rt.synchronize_stream(stream)
        for address in addresses:
            acl.rt.free(address)
        raise
    return addresses


# %% measure
def bandwidth(nbytes, repeats):
    def one_way(to, source, way):
        a, b = acl.rt.create_event()[0], acl.rt.create_event()[0]
        check(acl.rt.memcpy_async(to, nbytes, source, nbytes, way, stream), "warm")
        check(acl.rt.synchronize_stream(stream), "warm wait")
        acl.rt.record_event(a, stream)
        for _ in range(repeats):
            check(acl.rt.memcpy_async(to, nbytes, source, nbytes, way, stream), "copy")
        acl.rt.record_event(b, stream)
        check(acl.rt.synchronize_device(), "wait")
        seconds = acl.rt.event_elapsed_time(a, b)[0] * 1e-3
        acl.rt.destroy_event(a), acl.rt.destroy_event(b)
        return float(np.float64(nbytes) * repeats / seconds / 10**9)

    stream, ret = acl.rt.create_stream()
    check(ret, "stream")
    host, ret = acl.rt.malloc_host(nbytes)
    check(ret, "host")
    device, ret = acl.rt.malloc(nbytes, 0)
    check(ret, "device")
    try:
        return one_way(device, host, 1), one_way(host, device, 2)
    finally:
        acl.rt.free(device)
        acl.rt.free_host(host)
        acl.rt.destroy_stream(stream)


# %% callbacks
def deliver(stream, steps, on_done):
    """No callback at all: an event behind each step, and a thread that waits for one after the other."""
    from queue import SimpleQueue

    context, ret = acl.rt.get_context()
    check(ret, "get_context")
    marks = SimpleQueue()

    def report():
        check(acl.rt.set_context(context), "set_context")
        for number, mark in iter(marks.get, None):
            check(acl.rt.synchronize_event(mark), "event")
            on_done(number)
            acl.rt.destroy_event(mark)

    thread = threading.Thread(target=report)
    thread.start()
    try:
        for number, step in enumerate(steps):
            step(stream)
            mark, ret = acl.rt.create_event()
            check(ret, "event")
            check(acl.rt.record_event(mark, stream), "record")
            marks.put((number, mark))
    finally:
        marks.put(None)
        thread.join()


# %% leak
def stamp(frame, value, count):
    address, ret = acl.rt.malloc(frame.nbytes, 0)
    check(ret, "malloc")
    result = np.empty(frame.shape, np.uint8)
    size = frame.nbytes
    ret = acl.rt.memcpy(address, size, acl.util.numpy_to_ptr(frame), size, HOST_TO_DEVICE)
    if ret == 0:
        ret = acl.rt.memset(address, size, value, count)
    if ret == 0:
        ret = acl.rt.memcpy(acl.util.numpy_to_ptr(result), size, address, size, DEVICE_TO_HOST)
    message = acl.get_recent_err_msg() if ret else ""
    acl.rt.free(address)
    if ret:
        raise RuntimeError(f"stamp: {ret} {message}")
    return result
