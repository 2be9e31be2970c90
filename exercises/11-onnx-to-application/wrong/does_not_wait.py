# ---
# about: Returns while the picture is still being made, and reads scores that nobody has written yet.
# loses: {decode: 5, many: 5}
# ---
# %% decode
def decoded(jpeg, width, height, channel, stream):
    media = acl.media
    stride = -(-width // 16) * 16
    room, nbytes = 320 * 480 * 3, stride * height * 3 // 2
    file, large, small = (media.dvpp_malloc(size)[0] for size in (len(jpeg), room, nbytes))
    check(acl.rt.memcpy(file, len(jpeg), acl.util.bytes_to_ptr(jpeg), len(jpeg), 1), "copy")
    source, target = media.dvpp_create_pic_desc(), media.dvpp_create_pic_desc()
    for desc, address, size in ((source, large, room), (target, small, nbytes)):
        media.dvpp_set_pic_desc_data(desc, address)
        media.dvpp_set_pic_desc_size(desc, size)
        media.dvpp_set_pic_desc_format(desc, 1)
    media.dvpp_set_pic_desc_width(target, width)
    media.dvpp_set_pic_desc_height(target, height)
    media.dvpp_set_pic_desc_width_stride(target, stride)
    media.dvpp_set_pic_desc_height_stride(target, height)
    config = media.dvpp_create_resize_config()
    check(media.dvpp_jpeg_decode_async(channel, file, len(jpeg), source, stream), "decode")
    check(media.dvpp_vpc_resize_async(channel, source, target, config, stream), "resize")
    return small, nbytes, stride


# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    size = acl.mdl.get_output_size_by_index(desc, 0)
    runs = -(-count // 8)
    out, _ = acl.rt.malloc(size * runs, 0)
    for run in range(runs):
        inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address + 8 * run * nbytes, 8 * nbytes))
        acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out + run * size, size))
        check(acl.mdl.execute_async(model, inputs, outputs, stream), "execute")
    scores = np.zeros((8 * runs, size // 32), np.float32)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), scores.nbytes, out, scores.nbytes, 2), "copy")
    return scores[:count].argmax(1).tolist()
