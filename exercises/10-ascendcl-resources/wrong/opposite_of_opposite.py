# ---
# about: Gives back in the order of taking, and never looks at a code.
# loses: {begin_end: 4}
# ---
# %% begin_end
def with_device(device_id, work):
    begun = acl.init()
    acl.rt.set_device(device_id)
    context, _ = acl.rt.create_context(device_id)
    stream, _ = acl.rt.create_stream()
    try:
        return work(stream)
    finally:
        if begun == 0:
            acl.finalize()
        acl.rt.reset_device(device_id)
        acl.rt.destroy_context(context)
        acl.rt.destroy_stream(stream)
