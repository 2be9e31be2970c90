# ---
# about: Calls set_device in each thread, which silences 107002 in the wrong context; leaves the last card.
# loses: {handles: 2}
# ---
# %% handles
def gate(look, frames):
    with ThreadPoolExecutor(4, initializer=acl.rt.set_device, initargs=(0,)) as pool:
        return list(pool.map(look, frames))


def belt(values, nbytes):
    ready, came = [], []
    for card, value in enumerate(values):
        acl.rt.set_device(card)
        stream = acl.rt.create_stream()[0]
        ready.append((room(nbytes), stream))
        check(acl.rt.memset_async(ready[-1][0], nbytes, value, nbytes, stream), "memset")
    for card, (address, stream) in enumerate(ready):
        acl.rt.set_device(card)
        check(acl.rt.synchronize_stream(stream), "stream")
        came.append(fetch(address, nbytes, np.uint8).tolist())
    return came
