# ---
# about: Frees before the exception, but only for the one code it had met.
# loses: {leak: 2}
# ---
# %% leak
def stamp(frame, value, count):
    size = frame.nbytes
    address, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    here = acl.util.numpy_to_ptr(frame)
    check(acl.rt.memcpy(address, size, here, size, HOST_TO_DEVICE), "copy in")
    ret = acl.rt.memset(address, size, value, count)
    if ret == 107002:
        acl.rt.free(address)
    check(ret, "stamp")
    result = np.empty_like(frame)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(result), size, address, size, DEVICE_TO_HOST), "copy out")
    acl.rt.free(address)
    return result
