# ---
# about: Waits for the stream after each run; rounds the stride up to 128, as a decoder would.
# loses: {silent: 3}
# ---
# %% silent
def rinse(model, frames, stream):
    places, datasets = [put(np.stack(frames)), room(12 * len(frames))], []
    nbytes = frames[0].nbytes
    try:
        for i in range(len(frames)):
            pair = [bound((places[0] + i * nbytes, nbytes)), bound((places[1] + 12 * i, 12))]
            datasets += pair
            check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
            check(acl.rt.synchronize_stream(stream), "stream")
        return fetch(places[1], 3 * len(frames)).reshape(-1, 3).tolist()
    finally:
        unbound(*datasets)
        for place in places:
            check(acl.rt.free(place), "free")


def camera(raw, size, stride, channel, stream):
    media, pictures, places = acl.media, [], []
    config = media.dvpp_create_resize_config()
    try:
        for nbytes in (raw.nbytes, 64 * 72):
            place, ret = media.dvpp_malloc(nbytes)
            check(ret, "media memory")
            places.append(place)
        check(acl.rt.memcpy(places[0], raw.nbytes, acl.util.numpy_to_ptr(raw), raw.nbytes, TO_DEVICE), "copy")
        pictures.append(described(places[0], raw.nbytes, *size, -(-size[0] // 128) * 128))
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
