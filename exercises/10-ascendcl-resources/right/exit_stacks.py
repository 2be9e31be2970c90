# ---
# about: ExitStack, a pool with an initializer, one wait for the device, a last callback that ends the thread.
# ---
# %% begin_end
from contextlib import ExitStack


def _ok(answer, what):
    """返回值检查"""
    if isinstance(answer, tuple):
        check(answer[-1], what)
        return answer[0]
    return check(answer, what)


def with_device(device_id, work):
    with ExitStack() as notes:
        begun = acl.init()
        if begun == 0:
            notes.callback(acl.finalize)
        elif begun != 100002:
            raise RuntimeError(f"init gave {begun}")
        _ok(acl.rt.set_device(device_id), f"device {device_id}")
        notes.callback(acl.rt.reset_device, device_id)
        context = _ok(acl.rt.create_context(device_id), "context")
        notes.callback(acl.rt.destroy_context, context)
        stream = _ok(acl.rt.create_stream(), "stream")
        notes.callback(acl.rt.destroy_stream, stream)
        return work(stream)


# %% copy
def there_and_back(array):
    # 按行连续的字节
    data = array.tobytes()
    size = len(data)
    address, ret = acl.rt.malloc(size, 2)
    check(ret, "malloc")
    check(acl.rt.memcpy(address, size, acl.util.bytes_to_ptr(data), size, 1), "to")
    back = bytearray(size)
    came = np.frombuffer(back, dtype=array.dtype)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(came), size, address, size, 2), "from")
    return address, came.reshape(array.shape)


# %% threads
def in_threads(jobs):
    from concurrent.futures import ThreadPoolExecutor

    if not jobs:
        return []
    context, ret = acl.rt.get_context()
    check(ret, "context")
    with ThreadPoolExecutor(len(jobs), initializer=acl.rt.set_context, initargs=(context,)) as pool:
        futures = [pool.submit(job) for job in jobs]
        return [f.result() for f in futures]


# %% upload
def upload(frames, nbytes, stream):
    places = []
    for _ in frames:
        place, ret = acl.rt.malloc(nbytes, 0)
        check(ret, "malloc")
        places.append(place)
    for place, frame in zip(places, frames, strict=True):
        check(acl.rt.memcpy_async(place, nbytes, frame, nbytes, 1, stream), "copy")
    check(acl.rt.synchronize_device(), "wait")
    return places


# %% measure
def bandwidth(nbytes, repeats):
    with ExitStack() as notes:

        def taken(answer, give):
            check(answer[1], give.__name__)
            notes.callback(give, answer[0])
            return answer[0]

        device = taken(acl.rt.malloc(nbytes, 0), acl.rt.free)
        host = taken(acl.rt.malloc_host(nbytes), acl.rt.free_host)
        stream = taken(acl.rt.create_stream(), acl.rt.destroy_stream)
        marks = [taken(acl.rt.create_event(), acl.rt.destroy_event) for _ in range(4)]
        for k, (a, b, d) in enumerate(((device, host, 1), (host, device, 2))):
            for r in range(repeats + 1):
                if r == 1:
                    check(acl.rt.record_event(marks[2 * k], stream), "record")
                check(acl.rt.memcpy_async(a, nbytes, b, nbytes, d, stream), "copy")
            check(acl.rt.record_event(marks[2 * k + 1], stream), "record")
        check(acl.rt.synchronize_event(marks[3]), "wait")
        speeds = []
        for k in (0, 2):
            ms, ret = acl.rt.event_elapsed_time(marks[k], marks[k + 1])
            check(ret, "time")
            speeds.append(repeats * nbytes / ms / 1e6)
        return speeds[0], speeds[1]


# %% callbacks
def deliver(stream, steps, on_done):
    context, ret = acl.rt.get_context()
    check(ret, "context")

    class Listener(threading.Thread):
        ended = False

        def run(self):
            check(acl.rt.set_context(context), "set_context")
            while not self.ended:
                acl.rt.process_report(1000)

        def end(self, _):
            self.ended = True

    listener = Listener()
    listener.start()
    check(acl.rt.subscribe_report(listener.ident, stream), "subscribe")
    for i, step in enumerate(steps):
        step(stream)
        check(acl.rt.launch_callback(on_done, i, 0, stream), "launch")
    check(acl.rt.launch_callback(listener.end, None, 1, stream), "launch")
    check(acl.rt.synchronize_stream(stream), "wait")
    listener.join()
    check(acl.rt.unsubscribe_report(listener.ident, stream), "unsubscribe")


# %% leak
from contextlib import contextmanager


@contextmanager
def _on_device(size):
    place, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    try:
        yield place
    finally:
        acl.rt.free(place)


def stamp(frame, value, count):
    with _on_device(frame.nbytes) as place:
        check(acl.rt.memcpy(place, frame.nbytes, acl.util.numpy_to_ptr(frame), frame.nbytes, 1), "in")
        check(acl.rt.memset(place, frame.nbytes, value, count), "set")
        out = frame.copy()
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(out), frame.nbytes, place, frame.nbytes, 2), "out")
    return out
