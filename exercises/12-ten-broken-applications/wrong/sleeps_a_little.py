# ---
# about: Sleeps instead of waiting for the stream; leaves the camera's pictures in memory.
# loses: {silent: 5}
# ---
# %% silent
import time


def rinse(model, frames, stream):
    places, datasets = [put(np.stack(frames)), room(12 * len(frames))], []
    nbytes = frames[0].nbytes
    for i in range(len(frames)):
        pair = [bound((places[0] + i * nbytes, nbytes)), bound((places[1] + 12 * i, 12))]
        datasets += pair
        check(acl.mdl.execute_async(model, *pair, stream), "execute_async")
    time.sleep(0.05)
    came = fetch(places[1], 3 * len(frames)).reshape(-1, 3).tolist()
    unbound(*datasets)
    for place in places:
        acl.rt.free(place)
    return came


def camera(raw, size, stride, channel, stream):
    media = acl.media
    source, target = media.dvpp_malloc(raw.nbytes)[0], media.dvpp_malloc(64 * 72)[0]
    check(acl.rt.memcpy(source, raw.nbytes, acl.util.numpy_to_ptr(raw), raw.nbytes, TO_DEVICE), "copy")
    given = described(source, raw.nbytes, *size, stride)
    made = described(target, 64 * 72, 64, 48, 64)
    check(
        media.dvpp_vpc_resize_async(channel, given, made, media.dvpp_create_resize_config(), stream), "resize"
    )
    check(acl.rt.synchronize_stream(stream), "stream")
    return fetch(target, 64 * 72, np.uint8).reshape(72, 64)
