# ---
# about: Quietly stamps less where the count is too large, and works on the caller's frame.
# loses: {leak: 3}
# ---
# %% leak
def stamp(frame, value, count):
    size, here = frame.nbytes, acl.util.numpy_to_ptr(frame)
    count = min(count, size)
    address, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    acl.rt.memcpy(address, size, here, size, HOST_TO_DEVICE)
    acl.rt.memset(address, size, value, count)
    acl.rt.memcpy(here, size, address, size, DEVICE_TO_HOST)
    acl.rt.free(address)
    return frame
