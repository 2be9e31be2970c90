# ---
# about: A verbose pattern, four threads with a queue, means_of where it serves, codes raised at the end.
# ---
# %% first_line
LINE = re.compile(
    r"""^\[(?P<level>\w+)\]\s(?P<module>\w+)\((?P<pid>\d+),[^)]*\):
        (?P<time>\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3})\s\[(?P<where>[^\]]+)\]\s?\d+\s(?P<words>.*)$""",
    re.VERBOSE,
)


def first_error(text, pid):
    hits = [m.groupdict() for m in map(LINE.match, text.splitlines()) if m]
    hits = sorted(
        (h for h in hits if h["level"] == "ERROR" and h["pid"] == f"{pid}"), key=lambda h: h["time"]
    )
    for hit in hits:
        code = re.search(r"(?<!\w)(\d{6})(?!\w)", hit["words"])
        return hit["module"], hit["where"], int(code.group(1)) if code else 0
    return None


# %% handles
def gate(look, frames):
    import queue
    import threading

    context, ret = acl.rt.get_context()
    check(ret, "context")
    work, results, errors = queue.Queue(), {}, []
    for pair in enumerate(frames):
        work.put(pair)

    def worker():
        try:
            check(acl.rt.set_context(context), "set_context")
            while True:
                try:
                    number, frame = work.get_nowait()
                except queue.Empty:
                    return
                results[number] = look(frame)
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[i] for i in range(len(frames))]


def belt(values, nbytes):
    """每张卡的资源在自己的卡上归还"""
    caller, ret = acl.rt.get_context()
    check(ret, "context")
    streams, places, came = {}, {}, []
    try:
        for card in range(len(values)):
            check(acl.rt.set_device(card), "device")
            stream, ret = acl.rt.create_stream()
            check(ret, "stream")
            streams[card] = stream
            places[card] = room(nbytes)
            check(acl.rt.memset_async(places[card], nbytes, values[card], nbytes, stream), "memset")
        for card in streams:
            check(acl.rt.set_device(card), "device")
            check(acl.rt.synchronize_device(), "wait")
            check(acl.rt.reset_device(card), "reset once")
            came.append(fetch(places[card], nbytes, np.uint8).tolist())
    finally:
        for card, stream in streams.items():
            acl.rt.set_device(card)
            acl.rt.destroy_stream(stream)
            if card in places:
                acl.rt.free(places[card])
        acl.rt.set_context(caller)
    return came


# %% memory
def label(model, frame):
    means = means_of(model, frame)
    best = int(np.argmax(means))
    return best, means[best]


def shift(model, frames):
    rows = (means_of(model, frame) for frame in frames)
    return [row for row in rows if not max(row) < 1]


# %% conversion
def press(path, output, sizes):
    command = "atc --framework=5"
    network = onnx.load(str(path))
    parts = command.split()
    parts.append(f"--soc_version={acl.get_soc_name()}")
    parts.append(f"--input_shape={network.graph.input[0].name}:" + ",".join(f"{s}" for s in sizes))
    parts += [f"--model={path}", f"--output={output}"]
    return parts


# %% runs
def cap(model, frame):
    inside = outside = 0
    datasets = []
    codes = []
    means = np.zeros(3, np.float32)
    try:
        inside, outside = put(frame), room(12)
        datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
        codes.append(acl.mdl.execute(model, *datasets))
        if not any(codes):
            codes.append(acl.rt.memcpy(acl.util.numpy_to_ptr(means), 12, outside, 12, TO_HOST))
        said = acl.get_recent_err_msg()
    finally:
        unbound(*datasets)
        for place in (inside, outside):
            if place:
                acl.rt.free(place)
    if any(codes):
        raise RuntimeError(f"cap: {codes} {said}")
    return means.tolist()


def _gears(model):
    desc = acl.mdl.create_desc()
    try:
        check(acl.mdl.get_desc(desc, model), "describe")
        index, ret = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
        check(ret, "index")
        return acl.mdl.get_dynamic_batch(desc)[0]["batch"], index
    finally:
        acl.mdl.destroy_desc(desc)


def crate(model, frames):
    known, index = _gears(model)
    gear = 99
    for g in known:
        if len(frames) <= g < gear:
            gear = g
    batch = np.zeros((8, 3, 8, 8), dtype="f4")
    for i, frame in enumerate(frames):
        batch[i] = frame
    places = []
    datasets = []
    try:
        places.append(put(batch))
        places.append(room(4))
        places.append(room(96))
        datasets.append(bound((places[0], batch.nbytes), (places[1], 4)))
        datasets.append(bound((places[2], 96)))
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], index, gear), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return [fetch(places[2] + 12 * i, 3).tolist() for i in range(len(frames))]
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)
