# ---
# about: Uses the device's default context everywhere, and lets each thread call set_device.
# loses: {begin_end: 1, threads: 2}
# ---
# %% begin_end
def with_device(device_id, work):
    ours = acl.init() == 0
    try:
        check(acl.rt.set_device(device_id), "set_device")
        try:
            stream, ret = acl.rt.create_stream()
            check(ret, "create_stream")
            try:
                return work(stream)
            finally:
                acl.rt.destroy_stream(stream)
        finally:
            acl.rt.reset_device(device_id)
    finally:
        if ours:
            acl.finalize()


# %% threads
def in_threads(jobs):
    results = [None] * len(jobs)

    def run(i):
        acl.rt.set_device(0)
        results[i] = jobs[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return results
