# ---
# about: Frees all memory, and leaves the rest open (the device, a pool of threads, stream and events).
# loses: {begin_end: 3, threads: 1, measure: 1}
# ---
# %% begin_end
def with_device(device_id, work):
    ret = acl.init()
    if ret not in (0, 100002):
        check(ret, "init")
    mine = ret == 0
    try:
        check(acl.rt.set_device(device_id), "set_device")
        context, ret = acl.rt.create_context(device_id)
        check(ret, "context")
        try:
            stream, ret = acl.rt.create_stream()
            check(ret, "stream")
            try:
                return work(stream)
            finally:
                acl.rt.destroy_stream(stream)
        finally:
            acl.rt.destroy_context(context)
    finally:
        if mine:
            acl.finalize()


# %% threads
POOLS = []


def in_threads(jobs):
    from concurrent.futures import ThreadPoolExecutor

    context, _ = acl.rt.get_context()
    pool = ThreadPoolExecutor(len(jobs), initializer=acl.rt.set_context, initargs=(context,))
    POOLS.append(pool)
    return list(pool.map(lambda job: job(), jobs))


# %% measure
def bandwidth(nbytes, repeats):
    stream, _ = acl.rt.create_stream()
    first, second = acl.rt.create_event()[0], acl.rt.create_event()[0]
    host, _ = acl.rt.malloc_host(nbytes)
    device, _ = acl.rt.malloc(nbytes, 0)
    speeds = []
    for to, source, way in ((device, host, 1), (host, device, 2)):
        acl.rt.memcpy_async(to, nbytes, source, nbytes, way, stream)
        acl.rt.record_event(first, stream)
        for _ in range(repeats):
            acl.rt.memcpy_async(to, nbytes, source, nbytes, way, stream)
        acl.rt.record_event(second, stream)
        acl.rt.synchronize_stream(stream)
        speeds.append(nbytes * repeats / (acl.rt.event_elapsed_time(first, second)[0] / 1000) / 1e9)
    acl.rt.free(device)
    return tuple(speeds)
