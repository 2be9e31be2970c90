# ---
# about: Right numbers by another way than asked (context first, columns, other stream, one callback, NumPy).
# loses: {begin_end: 3, copy: 1, upload: 2, callbacks: 2, leak: 3}
# ---
# %% begin_end
def with_device(device_id, work):
    ret = acl.init()
    if ret not in (0, 100002):
        check(ret, "init")
    mine = ret == 0
    try:
        check(acl.rt.set_device(device_id), "set_device")
        try:
            context, ret = acl.rt.create_context(device_id)
            check(ret, "context")
            stream, ret = acl.rt.create_stream()
            check(ret, "stream")
            try:
                return work(stream)
            finally:
                acl.rt.destroy_context(context)
                acl.rt.destroy_stream(stream)
        finally:
            acl.rt.reset_device(device_id)
    finally:
        if mine:
            acl.finalize()


# %% copy
def there_and_back(array):
    order = "C" if array.flags.c_contiguous else "F"
    data = array.tobytes()
    address, ret = acl.rt.malloc(array.nbytes, 0)
    check(ret, "malloc")
    check(acl.rt.memcpy(address, array.nbytes, acl.util.bytes_to_ptr(data), array.nbytes, 1), "in")
    flat = np.empty(array.size, array.dtype)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(flat), array.nbytes, address, array.nbytes, 2), "out")
    return address, flat.reshape(array.shape, order=order)


# %% upload
def upload(frames, nbytes, stream):
    places = []
    for frame in frames:
        place, ret = acl.rt.malloc(nbytes, 0)
        check(ret, "malloc")
        places.append(place)
        check(acl.rt.memcpy_async(place, nbytes, frame, nbytes, 1, 0), "copy")
    check(acl.rt.synchronize_stream(0), "wait")
    return places


# %% callbacks
def deliver(stream, steps, on_done):
    context, _ = acl.rt.get_context()
    end = threading.Event()

    def loop():
        acl.rt.set_context(context)
        while not end.is_set():
            acl.rt.process_report(20)

    t = threading.Thread(target=loop)
    t.start()
    acl.rt.subscribe_report(t.ident, stream)
    for step in steps:
        step(stream)
    acl.rt.launch_callback(lambda n: [on_done(i) for i in range(n)], len(steps), 1, stream)
    acl.rt.synchronize_stream(stream)
    acl.rt.unsubscribe_report(t.ident, stream)
    end.set()
    t.join()


# %% leak
def stamp(frame, value, count):
    if count > frame.nbytes:
        raise RuntimeError("memset: 107000")
    result = frame.copy()
    result.reshape(-1)[:count] = value
    return result
