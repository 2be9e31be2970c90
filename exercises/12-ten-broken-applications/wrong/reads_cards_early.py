# ---
# about: Sets the card in every loop and forgets to wait for the streams.
# loses: {handles: 2}
# ---
# %% handles
def gate(look, frames):
    context = acl.rt.get_context()[0]
    with ThreadPoolExecutor(4, initializer=lambda: acl.rt.set_context(context)) as pool:
        return list(pool.map(look, frames))


def belt(values, nbytes):
    caller, ready, came = acl.rt.get_context()[0], [], []
    for card, value in enumerate(values):
        acl.rt.set_device(card)
        ready.append((room(nbytes), acl.rt.create_stream()[0]))
        check(acl.rt.memset_async(ready[-1][0], nbytes, value, nbytes, ready[-1][1]), "memset")
    for card, (address, stream) in enumerate(ready):
        acl.rt.set_device(card)
        came.append(fetch(address, nbytes, np.uint8).tolist())
        acl.rt.free(address)
        acl.rt.destroy_stream(stream)
    acl.rt.set_context(caller)
    return came
