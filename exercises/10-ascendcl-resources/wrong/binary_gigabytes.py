# ---
# about: Divides by 2 to the 30 as for memory, and frees nothing.
# loses: {measure: 4}
# ---
# %% measure
def bandwidth(nbytes, repeats):
    stream, _ = acl.rt.create_stream()
    host, _ = acl.rt.malloc_host(nbytes)
    device, _ = acl.rt.malloc(nbytes, 0)

    def rate(target, source, kind):
        first, second = acl.rt.create_event()[0], acl.rt.create_event()[0]
        acl.rt.memcpy_async(target, nbytes, source, nbytes, kind, stream)
        acl.rt.record_event(first, stream)
        for _ in range(repeats):
            acl.rt.memcpy_async(target, nbytes, source, nbytes, kind, stream)
        acl.rt.record_event(second, stream)
        acl.rt.synchronize_stream(stream)
        return nbytes * repeats / acl.rt.event_elapsed_time(first, second)[0] * 1000 / 2**30

    return rate(device, host, 1), rate(host, device, 2)
