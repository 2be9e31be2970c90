# ---
# about: Frees in the except and again in the finally.
# loses: {leak: 2}
# ---
# %% leak
def stamp(frame, value, count):
    size, result = frame.nbytes, np.empty_like(frame)
    address, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    try:
        check(acl.rt.memcpy(address, size, acl.util.numpy_to_ptr(frame), size, HOST_TO_DEVICE), "copy in")
        check(acl.rt.memset(address, size, value, count), "stamp")
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(result), size, address, size, DEVICE_TO_HOST), "copy out")
    except RuntimeError:
        acl.rt.free(address)
        raise
    finally:
        acl.rt.free(address)
    return result
