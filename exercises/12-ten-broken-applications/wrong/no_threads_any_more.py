# ---
# about: Mends gate by taking the threads away, and belt by finishing one card before the next is begun.
# loses: {handles: 2}
# ---
# %% handles
def gate(look, frames):
    return [look(frame) for frame in frames]


def belt(values, nbytes):
    caller, came = acl.rt.get_context()[0], []
    for card, value in enumerate(values):
        acl.rt.set_device(card)
        stream, address = acl.rt.create_stream()[0], room(nbytes)
        check(acl.rt.memset_async(address, nbytes, value, nbytes, stream), "memset")
        check(acl.rt.synchronize_stream(stream), "stream")
        came.append(fetch(address, nbytes, np.uint8).tolist())
        acl.rt.free(address)
        acl.rt.destroy_stream(stream)
    acl.rt.set_context(caller)
    return came
