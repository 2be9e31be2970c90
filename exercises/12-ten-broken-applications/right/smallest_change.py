# ---
# about: Changes as little as it can in each of Henrik's applications; the log is sorted before it is read.
# ---
# %% first_line
def first_error(text, pid):
    lines = [ln for ln in text.split("\n") if ln.startswith("[ERROR]")]
    lines = [ln for ln in lines if re.match(r"\[ERROR\] \w+\((\d+)", ln)[1] == str(pid)]
    lines.sort(key=lambda ln: re.search(r"\):(\S+)", ln)[1])
    if not lines:
        return None
    module = re.match(r"\[ERROR\] (\w+)", lines[0])[1]
    position = re.search(r"\S+ \[(.+?)\]", lines[0][len("[ERROR] ") :])[1]
    words = re.split(r"\] ?\d+ ?", lines[0], maxsplit=1)[1]
    code = re.search(r"\b\d{6}\b", words)
    return module, position, 0 if code is None else int(code.group())


# %% handles
def gate(look, frames):
    context = acl.rt.get_context()[0]

    def there(frame):
        acl.rt.set_context(context)
        return look(frame)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(there, frames))


def belt(values, nbytes):
    caller, cards, ready, came = acl.rt.get_context()[0], range(len(values)), [], []
    for card in cards:
        check(acl.rt.set_device(card), "set_device")
        stream, ret = acl.rt.create_stream()
        check(ret, "new stream")
        ready.append((room(nbytes), stream))
    for card in cards:
        acl.rt.set_device(card)
        address, stream = ready[card]
        check(acl.rt.memset_async(address, nbytes, values[card], nbytes, stream), "memset")
    for card in cards:
        acl.rt.set_device(card)
        address, stream = ready[card]
        acl.rt.synchronize_stream(stream)
        came.append(fetch(address, nbytes, np.uint8).tolist())
        acl.rt.free(address)
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
        check(acl.rt.free(places.pop()), "free")
        return int(means.argmax()), float(means.max())
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)


def shift(model, frames):
    bright = []
    for frame in frames:
        inside, outside = put(frame), room(12)
        datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
        try:
            check(acl.mdl.execute(model, *datasets), "execute")
            means = fetch(outside, 3).tolist()
            if max(means) < 1:
                continue
            bright.append(means)
        finally:
            unbound(*datasets)
            acl.rt.free(inside)
            acl.rt.free(outside)
    return bright


# %% conversion
def press(path, output, sizes):
    options = {"model": path, "framework": 5, "output": output, "soc_version": acl.get_soc_name()}
    network = onnx.load(path)
    options["input_shape"] = network.graph.input[0].name + ":" + ",".join(str(s) for s in sizes)
    return ["atc", *(f"--{key}={value}" for key, value in options.items())]
