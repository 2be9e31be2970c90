# ---
# about: Pastes each application into its cell and mends it there, as the notebook says.
# ---
# %% first_line
def first_error(text, pid):
    found = []
    for line in text.splitlines():
        m = re.match(r"\[(\w+)\] (\w+)\((\d+),.*?\):(\S+) \[(.*?)\] ?(\d+) (.*)", line)
        if m and m[1] == "ERROR" and int(m[3]) == pid:
            found.append((m[4], m[2], m[5], m[7]))
    if not found:
        return None
    _, mod, pos, words = min(found)
    c = re.findall(r"\b\d{6}\b", words)
    return mod, pos, int(c[0]) if c else 0


# %% findings
def findings():
    return {
        "gate": (107002, "rt", "thread"),
        "belt": (107003, "rt", "stream"),
        "label": (107000, "rt", "released"),
        "shift": (0, "nobody", "kept"),
        "press": ("E10016", "atc", "name"),
        "spare": (507008, "rt", "chip"),
        "cap": (107000, "rt", "host"),
        "crate": (145013, "ge", "gear"),
        "rinse": (0, "nobody", "early"),
        "camera": (0, "nobody", "apart"),
    }


# %% handles
def gate(look, frames):
    """Look at all frames in four threads, in the context of the caller."""
    here = acl.rt.get_context()[0]
    with ThreadPoolExecutor(4, initializer=acl.rt.set_context, initargs=(here,)) as pool:
        return list(pool.map(look, frames))


def belt(values, nbytes):
    """Fill nbytes on card 0 with the byte values[0], on card 1 with values[1] and so on.

    Returns what was then read from each card: one list of bytes for each. All is given back on
    every card, and the caller's context is current again.
    """
    here = acl.rt.get_context()[0]
    cards, ready = range(len(values)), []
    for card in cards:
        check(acl.rt.set_device(card), "set_device")
        stream, ret = acl.rt.create_stream()
        check(ret, "new stream")
        ready.append((room(nbytes), stream))
    for card in cards:
        acl.rt.set_device(card)
        address, stream = ready[card]
        check(acl.rt.memset_async(address, nbytes, values[card], nbytes, stream), "memset")
    came = []
    for card in cards:
        acl.rt.set_device(card)
        address, stream = ready[card]
        check(acl.rt.synchronize_stream(stream), "sync")
        came.append(fetch(address, nbytes, np.uint8).tolist())
        check(acl.rt.free(address), "free")
        check(acl.rt.destroy_stream(stream), "destroy")
    acl.rt.set_context(here)
    return came


# %% memory
def label(model, frame):
    """The place of the strongest colour of a frame, and its mean. All memory is given back once."""
    places = [put(frame), room(12)]
    datasets = [bound((places[0], frame.nbytes)), bound((places[1], 12))]
    try:
        check(acl.mdl.execute(model, *datasets), "execute")
        means = fetch(places[1], 3)
        return int(means.argmax()), float(means.max())
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)


def shift(model, frames):
    bright = []
    for frame in frames:
        means = means_of(model, frame)
        if max(means) >= 1:
            bright.append(means)
    return bright


# %% conversion
def press(path, output, sizes):
    """The command that converts the ONNX file at path for the chip of this machine."""
    shape = ",".join(map(str, sizes))
    name = onnx.load(path).graph.input[0].name
    soc = acl.get_soc_name()
    return [
        "atc",
        f"--model={path}",
        "--framework=5",
        f"--output={output}",
        f"--soc_version={soc}",
        f"--input_shape={name}:{shape}",
    ]


# %% runs
def cap(model, frame):
    return means_of(model, frame)


def crate(model, frames):
    """The means of 1 to 8 frames in one run of a model with gears: a list of lists, one for each frame.

    Input 0 of the model takes the frames, input 1 is where AscendCL leaves the gear; both are as large as the
    model says. The run takes the smallest gear that has room for all frames.
    """
    batch = np.zeros((8, 3, 8, 8), np.float32)
    batch[: len(frames)] = frames
    places = [put(batch), room(4), room(96)]
    datasets = [bound((places[0], batch.nbytes), (places[1], 4)), bound((places[2], 96))]
    try:
        desc = acl.mdl.create_desc()
        check(acl.mdl.get_desc(desc, model), "desc")
        sizes = acl.mdl.get_dynamic_batch(desc)[0]["batch"]
        index = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")[0]
        acl.mdl.destroy_desc(desc)
        check(
            acl.mdl.set_dynamic_batch_size(
                model, datasets[0], index, min(s for s in sizes if s >= len(frames))
            ),
            "gear",
        )
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(places[2], 24).reshape(8, 3)[: len(frames)].tolist()
    finally:
        unbound(*datasets)
        for place in places:
            check(acl.rt.free(place), "free")


# %% silent
def rinse(model, frames, stream):
    """The means of all frames, each run on a stream without waiting for the run before: a list of lists.

    Everything it took is given back.
    """
    places, datasets = [put(np.stack(frames)), room(12 * len(frames))], []
    nbytes = frames[0].nbytes
    try:
        for i in range(len(frames)):
            pair = [bound((places[0] + i * nbytes, nbytes)), bound((places[1] + 12 * i, 12))]
            datasets += pair
            check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
        check(acl.rt.synchronize_stream(stream), "sync")
        return fetch(places[1], 3 * len(frames)).reshape(-1, 3).tolist()
    finally:
        check(acl.rt.synchronize_stream(stream), "stream")
        unbound(*datasets)
        for place in places:
            check(acl.rt.free(place), "free")


def camera(raw, size, stride, channel, stream):
    """A camera's picture at 64 x 48, made by VPC: a numpy array of 72 rows of 64 bytes, Y and then UV.

    raw:      array of bytes as the camera leaves them, NV12: height rows of Y, then height / 2 of UV
    size:     of the picture, (width, height), both even
    stride:   from the begin of one row to the begin of the next, in bytes; a multiple of 16
    channel:  an open channel of DVPP
    stream:   to work on
    Everything it took is given back.
    """
    media, pictures, places = acl.media, [], []
    config = media.dvpp_create_resize_config()
    try:
        for nbytes in (raw.nbytes, 64 * 72):
            place, ret = media.dvpp_malloc(nbytes)
            check(ret, "media memory")
            places.append(place)
        check(acl.rt.memcpy(places[0], raw.nbytes, acl.util.numpy_to_ptr(raw), raw.nbytes, TO_DEVICE), "copy")
        pictures.append(described(places[0], raw.nbytes, *size, stride))
        pictures.append(described(places[1], 64 * 72, 64, 48, 64))
        check(media.dvpp_vpc_resize_async(channel, *pictures, config, stream), "resize")
        check(acl.rt.synchronize_stream(stream), "stream")
        return fetch(places[1], 64 * 72, np.uint8).reshape(72, 64)
    finally:
        for picture in pictures:
            media.dvpp_destroy_pic_desc(picture)
        for place in places:
            media.dvpp_free(place)
        media.dvpp_destroy_resize_config(config)


SEEN = []
