# ---
# about: Gives the asynchronous runs up for execute, which waits by itself, in means_of.
# loses: {silent: 1}
# ---
# %% silent
def rinse(model, frames, stream):
    return [means_of(model, frame) for frame in frames]


def camera(raw, size, stride, channel, stream):
    media = acl.media
    config = media.dvpp_create_resize_config()
    source, target = media.dvpp_malloc(raw.nbytes)[0], media.dvpp_malloc(64 * 72)[0]
    check(acl.rt.memcpy(source, raw.nbytes, acl.util.numpy_to_ptr(raw), raw.nbytes, TO_DEVICE), "copy")
    given = described(source, raw.nbytes, *size, stride)
    made = described(target, 64 * 72, 64, 48, 64)
    check(media.dvpp_vpc_resize_async(channel, given, made, config, stream), "resize")
    check(acl.rt.synchronize_stream(stream), "stream")
    came = fetch(target, 64 * 72, np.uint8).reshape(72, 64)
    for picture in (given, made):
        media.dvpp_destroy_pic_desc(picture)
    media.dvpp_destroy_resize_config(config)
    media.dvpp_free(source)
    media.dvpp_free(target)
    return came
