# ---
# about: Takes one piece of memory for all frames, which cannot be freed one by one.
# loses: {upload: 4}
# ---
# %% upload
def upload(frames, nbytes, stream):
    room = -(-nbytes // 64) * 64
    base, ret = acl.rt.malloc(room * len(frames), 0)
    check(ret, "malloc")
    addresses = [base + i * room for i in range(len(frames))]
    for address, frame in zip(addresses, frames, strict=True):
        check(acl.rt.memcpy_async(address, nbytes, frame, nbytes, HOST_TO_DEVICE, stream), "copy")
    check(acl.rt.synchronize_stream(stream), "wait")
    return addresses
