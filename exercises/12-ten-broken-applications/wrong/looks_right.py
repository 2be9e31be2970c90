# ---
# about: Right numbers by ways that a card would not forgive, or that leave the card out.
# loses: {handles: 1, memory: 1, runs: 3, silent: 4}
# ---
# %% handles
def gate(look, frames):
    context, _ = acl.rt.get_context()
    with ThreadPoolExecutor(4, initializer=acl.rt.set_context, initargs=(context,)) as pool:
        return list(pool.map(look, frames))


def belt(values, nbytes):
    context, _ = acl.rt.get_context()
    ready, read = [], []
    for card, value in enumerate(values):
        check(acl.rt.set_device(card), "set_device")
        stream, _ = acl.rt.create_stream()
        ready.append((room(nbytes), stream))
        check(acl.rt.memset_async(ready[-1][0], nbytes, value, nbytes, stream), "memset")
    for card, (address, stream) in enumerate(ready):
        check(acl.rt.set_device(card), "set_device")
        check(acl.rt.synchronize_stream(stream), "wait")
        read.append(fetch(address, nbytes, np.uint8).tolist())
    for address, stream in ready:
        acl.rt.destroy_stream(stream)
        acl.rt.free(address)
    acl.rt.set_context(context)
    return read


# %% memory
def label(model, frame):
    means = means_of(model, frame)
    return int(np.argmax(means)), max(means)


def shift(model, frames):
    rows = [means_of(model, frame) for frame in frames]
    return [row for row in rows if sum(row) > 1]


# %% runs
def cap(model, frame):
    if frame.shape != (3, 8, 8):
        raise RuntimeError("145000")
    return frame.mean(axis=(1, 2)).tolist()


def crate(model, frames):
    return [f.mean(axis=(1, 2)).tolist() for f in frames]


# %% silent
def rinse(model, frames, stream):
    places = [put(np.stack(frames)), room(12 * len(frames))]
    nbytes = frames[0].nbytes
    for i in range(len(frames)):
        pair = [bound((places[0] + i * nbytes, nbytes)), bound((places[1] + 12 * i, 12))]
        check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
        unbound(*pair)
    check(acl.rt.free(places[0]), "free")
    check(acl.rt.synchronize_stream(stream), "stream")
    means = fetch(places[1], 3 * len(frames)).reshape(-1, 3).tolist()
    check(acl.rt.free(places[1]), "free")
    return means


def camera(raw, size, stride, channel, stream):
    width, height = size
    rows = np.arange(48) * height // 48
    columns = np.arange(64) * width // 64
    out = np.zeros((72, 64), np.uint8)
    out[:48] = raw[:height, :width][rows][:, columns]
    out[48:] = raw[height:, :width].max()
    return out
