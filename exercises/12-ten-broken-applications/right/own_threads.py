# ---
# about: Threads by hand, waits by events, buffers as large as the gear, and the log cut by its brackets.
# ---
# %% first_line
def first_error(text, pid):
    best = None
    for line in text.splitlines():
        if not line.startswith("[ERROR] ") or f"({pid}," not in line.split(":", 1)[0]:
            continue
        head, _, rest = line.partition("):")
        stamp, _, rest = rest.partition(" [")
        position, _, words = rest.partition("]")
        message = words.split(None, 1)[1:] or [""]
        numbers = [w for w in re.findall(r"[A-Za-z0-9_]+", message[0]) if w.isdigit() and len(w) == 6]
        found = (stamp, head[8:].split("(")[0], position, int(numbers[0]) if numbers else 0)
        if best is None or found[0] < best[0]:
            best = found
    return best and best[1:]


# %% findings
def findings():
    by_code = {
        (107002, "rt"): ["gate thread"],
        (107003, "rt"): ["belt stream"],
        (107000, "rt"): ["label released", "cap host"],
        ("E10016", "atc"): ["press name"],
        (507008, "rt"): ["spare chip"],
        (145013, "ge"): ["crate gear"],
        (0, "nobody"): ["shift kept", "rinse early", "camera apart"],
    }
    return {row.split()[0]: (*key, row.split()[1]) for key, rows in by_code.items() for row in rows}


# %% handles
import queue
import threading


def gate(look, frames):
    context = acl.rt.get_context()[0]
    waiting, results = queue.Queue(), [None] * len(frames)
    for numbered in enumerate(frames):
        waiting.put(numbered)

    def work():
        check(acl.rt.set_context(context), "set_context")
        while True:
            try:
                i, frame = waiting.get_nowait()
            except queue.Empty:
                return
            results[i] = look(frame)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def belt(values, nbytes):
    caller = acl.rt.get_context()[0]
    ready, came = [], []
    for card, value in enumerate(values):
        acl.rt.set_device(card)
        stream, ret = acl.rt.create_stream()
        check(ret, "new stream")
        place = room(nbytes)
        check(acl.rt.memset_async(place, nbytes, value, nbytes, stream), "memset_async")
        ready.append((acl.rt.get_context()[0], place, stream))
    for context, place, stream in ready:
        acl.rt.set_context(context)
        check(acl.rt.synchronize_device(), "wait")
        came.append(fetch(place, nbytes, np.uint8).tolist())
        acl.rt.free(place)
        acl.rt.destroy_stream(stream)
    acl.rt.set_context(caller)
    return came


# %% memory
def label(model, frame):
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
    return [means for means in (means_of(model, frame) for frame in frames) if max(means) >= 1]


# %% runs
def cap(model, frame):
    inside, outside = put(frame), room(12)
    datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
    try:
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(outside, 3).tolist()
    finally:
        unbound(*datasets)
        acl.rt.free(inside)
        acl.rt.free(outside)


def crate(model, frames):
    desc, datasets, places = acl.mdl.create_desc(), [], []
    try:
        check(acl.mdl.get_desc(desc, model), "its description")
        gear = min(g for g in acl.mdl.get_dynamic_batch(desc)[0]["batch"] if g >= len(frames))
        sizes = [acl.mdl.get_input_size_by_index(desc, i) for i in range(2)]
        batch = np.zeros(sizes[0] // 4, np.float32)
        batch[: 192 * len(frames)] = np.concatenate([f.ravel() for f in frames])
        places = [put(batch), room(sizes[1]), room(acl.mdl.get_output_size_by_index(desc, 0))]
        datasets = [
            bound((places[0], sizes[0]), (places[1], sizes[1])),
            bound((places[2], acl.mdl.get_output_size_by_index(desc, 0))),
        ]
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], 1, gear), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return [fetch(places[2] + 12 * i, 3).tolist() for i in range(len(frames))]
    finally:
        acl.mdl.destroy_desc(desc)
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)


# %% silent
def rinse(model, frames, stream):
    pairs, places = [], []
    try:
        places = [(put(frame), room(12)) for frame in frames]
        for inside, outside in places:
            pairs.append((bound((inside, frames[0].nbytes)), bound((outside, 12))))
            check(acl.mdl.execute_async(model, *pairs[-1], stream), "execute_async")
        check(acl.rt.synchronize_device(), "wait")
        return [fetch(outside, 3).tolist() for _, outside in places]
    finally:
        for inside, outside in places:
            acl.rt.free(inside)
            acl.rt.free(outside)
        for pair in pairs:
            unbound(*pair)


def camera(raw, size, stride, channel, stream):
    width, height = size
    tight = np.ascontiguousarray(raw.reshape(-1, stride)[:, :width])
    media, places, pictures = acl.media, [], []
    config = media.dvpp_create_resize_config()
    pad = -(-width // 16) * 16
    rows = np.zeros((len(tight), pad), np.uint8)
    rows[:, :width] = tight
    for nbytes in (rows.nbytes, 64 * 72):
        place, ret = media.dvpp_malloc(nbytes)
        check(ret, "media memory")
        places.append(place)
    try:
        check(acl.rt.memcpy(places[0], rows.nbytes, acl.util.numpy_to_ptr(rows), rows.nbytes, 1), "copy")
        pictures.append(described(places[0], rows.nbytes, width, height, pad))
        pictures.append(described(places[1], 64 * 72, 64, 48, 64))
        check(media.dvpp_vpc_resize_async(channel, *pictures, config, stream), "resize")
        check(acl.rt.synchronize_stream(stream), "stream")
        return fetch(places[1], 64 * 72, np.uint8).reshape(72, 64)
    finally:
        for place in places:
            media.dvpp_free(place)
        for picture in pictures:
            media.dvpp_destroy_pic_desc(picture)
        media.dvpp_destroy_resize_config(config)
