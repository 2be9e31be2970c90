# ---
# about: Ends AscendCL whoever began it.
# loses: {begin_end: 1}
# ---
# %% begin_end
def with_device(device_id, work):
    acl.init()
    try:
        check(acl.rt.set_device(device_id), "set_device")
        context, ret = acl.rt.create_context(device_id)
        check(ret, "create_context")
        stream, ret = acl.rt.create_stream()
        check(ret, "create_stream")
        try:
            return work(stream)
        finally:
            acl.rt.destroy_stream(stream)
            acl.rt.destroy_context(context)
            acl.rt.reset_device(device_id)
    finally:
        acl.finalize()
