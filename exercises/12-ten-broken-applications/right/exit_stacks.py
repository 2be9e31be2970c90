# ---
# about: Parts of lines instead of a pattern, contexts of its own in belt, ExitStack, rows packed by the host.
# ---
# %% first_line
def first_error(text, pid):
    """按时间排序"""
    best = None
    for line in text.split("\n"):
        if not line.startswith("[ERROR] "):
            continue
        head, found, rest = line.partition("):")
        module, _, process = head[len("[ERROR] ") :].partition("(")
        if not found or process.split(",")[0] != str(pid):
            continue
        stamp, _, rest = rest.partition(" [")
        position, _, rest = rest.partition("]")
        words = rest.lstrip().lstrip("0123456789")
        codes = re.findall(r"\b\d{6}\b", words)
        if best is None or stamp < best[0]:
            best = stamp, (module, position, int(codes[0]) if codes else 0)
    return best[1] if best else None


# %% findings
def findings():
    rt = {"gate": (107002, "thread"), "belt": (107003, "stream"), "label": (107000, "released")}
    rt |= {"spare": (507008, "chip"), "cap": (107000, "host")}
    found = {name: (code, "rt", cause) for name, (code, cause) in rt.items()}
    found["press"] = ("E10016", "atc", "name")
    found["crate"] = (145013, "ge", "gear")
    silent = {"shift": "kept", "rinse": "early", "camera": "apart"}
    return found | {name: (0, "nobody", cause) for name, cause in silent.items()}


# %% handles
def gate(look, frames):
    context, ret = acl.rt.get_context()
    check(ret, "get_context")

    def looked(frame):
        check(acl.rt.set_context(context), "set_context")
        return look(frame)

    with ThreadPoolExecutor(max_workers=4) as pool:
        futures = [pool.submit(looked, frame) for frame in frames]
        return [future.result() for future in futures]


from contextlib import ExitStack


def belt(values, nbytes):
    with ExitStack() as back:
        here, ret = acl.rt.get_context()
        check(ret, "get_context")
        back.callback(acl.rt.set_context, here)
        made = []
        for card in range(len(values)):
            context, ret = acl.rt.create_context(card)
            check(ret, "context")
            back.callback(acl.rt.destroy_context, context)
            stream, ret = acl.rt.create_stream()
            check(ret, "stream")
            address = room(nbytes)

            def give_back(context=context, stream=stream, address=address):
                acl.rt.set_context(context)
                acl.rt.destroy_stream(stream)
                acl.rt.free(address)

            back.callback(give_back)
            made.append((context, stream, address))
        for value, (context, stream, address) in zip(values, made, strict=True):
            check(acl.rt.set_context(context), "set_context")
            check(acl.rt.memset_async(address, nbytes, value, nbytes, stream), "memset")
        read = []
        for context, stream, address in made:
            check(acl.rt.set_context(context), "set_context")
            check(acl.rt.synchronize_stream(stream), "wait")
            read.append(list(map(int, fetch(address, nbytes, np.uint8))))
    return read


# %% memory
from contextlib import contextmanager


@contextmanager
def _ready(frame):
    with ExitStack() as back:
        inside = put(frame)
        back.callback(acl.rt.free, inside)
        outside = room(12)
        back.callback(acl.rt.free, outside)
        datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
        back.callback(unbound, *datasets)
        yield datasets, outside


def label(model, frame):
    with _ready(frame) as (datasets, outside):
        check(acl.mdl.execute(model, *datasets), "execute")
        means = fetch(outside, 3).tolist()
    return means.index(max(means)), max(means)


def shift(model, frames):
    means = []
    for frame in frames:
        with _ready(frame) as (datasets, outside):
            check(acl.mdl.execute(model, *datasets), "execute")
            means.append(fetch(outside, 3).tolist())
    return [row for row in means if any(mean >= 1 for mean in row)]


# %% conversion
def press(path, output, sizes):
    import onnx as format_of_networks

    network = format_of_networks.load(path).graph
    weights = {w.name for w in network.initializer}
    (name,) = [i.name for i in network.input if i.name not in weights]
    options = {
        "model": path,
        "framework": 5,
        "output": output,
        "soc_version": acl.get_soc_name(),
        "input_shape": name + ":" + ",".join(str(int(s)) for s in sizes),
    }
    return ["atc", *(f"--{name}={value}" for name, value in options.items())]


# %% runs
def cap(model, frame):
    size = frame.nbytes
    with ExitStack() as back:
        inside, outside = put(frame), None
        back.callback(acl.rt.free, inside)
        outside = room(12)
        back.callback(acl.rt.free, outside)
        datasets = bound((inside, size)), bound((outside, 12))
        back.callback(unbound, *datasets)
        ret = acl.mdl.execute(model, *datasets)
        check(ret, "execute")
        return [float(x) for x in fetch(outside, 3)]


def crate(model, frames):
    with ExitStack() as back:
        desc = acl.mdl.create_desc()
        back.callback(acl.mdl.destroy_desc, desc)
        check(acl.mdl.get_desc(desc, model), "desc")
        gears = sorted(acl.mdl.get_dynamic_batch(desc)[0]["batch"])
        index = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")[0]
        sizes = [acl.mdl.get_input_size_by_index(desc, i) for i in range(2)]
        out = acl.mdl.get_output_size_by_index(desc, 0)
        gear = next(g for g in gears if g >= len(frames))
        batch = np.concatenate(
            [np.stack(frames), np.zeros((sizes[0] // 768 - len(frames), 3, 8, 8), np.float32)]
        )
        inside = put(batch.astype(np.float32))
        back.callback(acl.rt.free, inside)
        places = [inside]
        for size in (sizes[1], out):
            places.append(room(size))
            back.callback(acl.rt.free, places[-1])
        datasets = [bound((places[0], sizes[0]), (places[1], sizes[1])), bound((places[2], out))]
        back.callback(unbound, *datasets)
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], index, gear), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(places[2], 3 * len(frames)).reshape(-1, 3).tolist()


# %% silent
def rinse(model, frames, stream):
    with ExitStack() as back:
        batch = put(np.stack(frames))
        back.callback(acl.rt.free, batch)
        means = room(12 * len(frames))
        back.callback(acl.rt.free, means)
        size = frames[0].nbytes
        pairs = [(bound((batch + i * size, size)), bound((means + 12 * i, 12))) for i in range(len(frames))]
        for pair in pairs:
            back.callback(unbound, *pair)
        back.callback(acl.rt.synchronize_stream, stream)
        for pair in pairs:
            check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
        done, ret = acl.rt.create_event()
        check(ret, "event")
        back.callback(acl.rt.destroy_event, done)
        check(acl.rt.record_event(done, stream), "record")
        check(acl.rt.synchronize_event(done), "wait")
        return fetch(means, 3 * len(frames)).reshape(-1, 3).tolist()


def camera(raw, size, stride, channel, stream):
    # 把行紧凑到 16 的倍数再交给 VPC
    width, height = size
    tight = -(-width // 16) * 16
    packed = np.zeros((height * 3 // 2, tight), np.uint8)
    packed[:, :width] = raw.reshape(-1, stride)[:, :width]
    media = acl.media
    with ExitStack() as back:

        def media_room(nbytes):
            place, ret = media.dvpp_malloc(nbytes)
            check(ret, "media memory")
            back.callback(media.dvpp_free, place)
            return place

        def seen(*given):
            picture = described(*given)
            back.callback(media.dvpp_destroy_pic_desc, picture)
            return picture

        source, target = media_room(packed.nbytes), media_room(64 * 72)
        check(
            acl.rt.memcpy(source, packed.nbytes, acl.util.numpy_to_ptr(packed), packed.nbytes, TO_DEVICE),
            "copy",
        )
        config = media.dvpp_create_resize_config()
        back.callback(media.dvpp_destroy_resize_config, config)
        pair = seen(source, packed.nbytes, width, height, tight), seen(target, 64 * 72, 64, 48, 64)
        check(media.dvpp_vpc_resize_async(channel, *pair, config, stream), "resize")
        check(acl.rt.synchronize_stream(stream), "stream")
        return fetch(target, 64 * 72, np.uint8).reshape(72, 64)
