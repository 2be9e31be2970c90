# ---
# about: Measures with the host's clock, and leaves the memory where it is.
# loses: {measure: 4}
# ---
# %% measure
import time


def bandwidth(nbytes, repeats):
    stream, _ = acl.rt.create_stream()
    host, _ = acl.rt.malloc_host(nbytes)
    device, _ = acl.rt.malloc(nbytes, 0)

    def rate(target, source, kind):
        acl.rt.memcpy(target, nbytes, source, nbytes, kind)
        before = time.perf_counter()
        for _ in range(repeats):
            acl.rt.memcpy_async(target, nbytes, source, nbytes, kind, stream)
        seconds = time.perf_counter() - before
        acl.rt.synchronize_stream(stream)
        return nbytes * repeats / seconds / 1e9

    return rate(device, host, 1), rate(host, device, 2)
