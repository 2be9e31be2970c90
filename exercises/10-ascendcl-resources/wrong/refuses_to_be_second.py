# ---
# about: Takes 100002 for a failure, and forgets the context at the end.
# loses: {begin_end: 3}
# ---
# %% begin_end
def with_device(device_id, work):
    check(acl.init(), "init")
    try:
        check(acl.rt.set_device(device_id), "set_device")
        _, ret = acl.rt.create_context(device_id)
        check(ret, "create_context")
        stream, ret = acl.rt.create_stream()
        check(ret, "create_stream")
        try:
            return work(stream)
        finally:
            acl.rt.destroy_stream(stream)
            acl.rt.reset_device(device_id)
    finally:
        acl.finalize()
