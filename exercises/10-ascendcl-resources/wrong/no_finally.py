# ---
# about: Gives back in the right order, but only when all goes well.
# loses: {begin_end: 2, leak: 2}
# ---
# %% begin_end
def with_device(device_id, work):
    ret = acl.init()
    check(acl.rt.set_device(device_id), "set_device")
    context, code = acl.rt.create_context(device_id)
    check(code, "create_context")
    stream, code = acl.rt.create_stream()
    check(code, "create_stream")
    result = work(stream)
    acl.rt.destroy_stream(stream)
    acl.rt.destroy_context(context)
    acl.rt.reset_device(device_id)
    if ret == 0:
        acl.finalize()
    return result


# %% leak
def stamp(frame, value, count):
    size = frame.nbytes
    result = frame.copy()
    address, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    here = acl.util.numpy_to_ptr(result)
    check(acl.rt.memcpy(address, size, here, size, HOST_TO_DEVICE), "copy in")
    check(acl.rt.memset(address, size, value, count), "stamp")
    check(acl.rt.memcpy(here, size, address, size, DEVICE_TO_HOST), "copy out")
    acl.rt.free(address)
    return result
