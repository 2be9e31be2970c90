# ---
# about: Gives all memory back, and destroys no description, dataset, buffer or picture.
# loses: {runs: 1, silent: 4}
# ---
# %% runs
def cap(model, frame):
    places = [put(frame), room(12)]
    try:
        check(acl.mdl.execute(model, bound((places[0], frame.nbytes)), bound((places[1], 12))), "execute")
        return fetch(places[1], 3).tolist()
    finally:
        for place in places:
            acl.rt.free(place)


def crate(model, frames):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "desc")
    known, _ = acl.mdl.get_dynamic_batch(desc)
    index, _ = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
    gear = min(g for g in known["batch"] if g >= len(frames))
    batch = np.zeros((8, 3, 8, 8), np.float32)
    batch[: len(frames)] = frames
    places = [put(batch), room(4), room(96)]
    datasets = [bound((places[0], batch.nbytes), (places[1], 4)), bound((places[2], 96))]
    try:
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], index, gear), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(places[2], 24).reshape(8, 3)[: len(frames)].tolist()
    finally:
        for place in places:
            check(acl.rt.free(place), "free")


# %% silent
def rinse(model, frames, stream):
    places = [put(np.stack(frames)), room(12 * len(frames))]
    nbytes = frames[0].nbytes
    try:
        for i in range(len(frames)):
            pair = [bound((places[0] + i * nbytes, nbytes)), bound((places[1] + 12 * i, 12))]
            check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
        check(acl.rt.synchronize_stream(stream), "stream")
        return fetch(places[1], 3 * len(frames)).reshape(-1, 3).tolist()
    finally:
        for place in places:
            acl.rt.free(place)


def camera(raw, size, stride, channel, stream):
    media = acl.media
    config = media.dvpp_create_resize_config()
    places = [media.dvpp_malloc(n)[0] for n in (raw.nbytes, 64 * 72)]
    check(acl.rt.memcpy(places[0], raw.nbytes, acl.util.numpy_to_ptr(raw), raw.nbytes, TO_DEVICE), "copy")
    pictures = [described(places[0], raw.nbytes, *size, stride), described(places[1], 64 * 72, 64, 48, 64)]
    check(media.dvpp_vpc_resize_async(channel, *pictures, config, stream), "resize")
    check(acl.rt.synchronize_stream(stream), "stream")
    result = fetch(places[1], 64 * 72, np.uint8).reshape(72, 64)
    for place in places:
        media.dvpp_free(place)
    return result
