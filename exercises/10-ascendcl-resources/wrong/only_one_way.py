# ---
# about: Measures the way there, and takes the way back to be the same with the copy that warms up counted in.
# loses: {measure: 1}
# ---
# %% measure
def bandwidth(nbytes, repeats):
    stream, _ = acl.rt.create_stream()
    host, _ = acl.rt.malloc_host(nbytes)
    device, _ = acl.rt.malloc(nbytes, 0)
    first, second = acl.rt.create_event()[0], acl.rt.create_event()[0]
    for i in range(repeats + 1):
        acl.rt.memcpy_async(device, nbytes, host, nbytes, 1, stream)
        if i == 0:
            acl.rt.record_event(first, stream)
    acl.rt.record_event(second, stream)
    acl.rt.synchronize_stream(stream)
    rate = nbytes * repeats / acl.rt.event_elapsed_time(first, second)[0] / 1e6
    acl.rt.free(device)
    acl.rt.free_host(host)
    for event in (first, second):
        acl.rt.destroy_event(event)
    acl.rt.destroy_stream(stream)
    return rate, rate
