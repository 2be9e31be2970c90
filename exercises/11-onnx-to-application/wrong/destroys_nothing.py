# ---
# about: Frees all memory, and destroys no description, dataset, buffer or setting.
# loses: {describe: 1, decode: 1, classify: 2}
# ---


# %% describe
def describe(path):
    model, ret = acl.mdl.load_from_file(path)
    check(ret, "load")
    d = acl.mdl.create_desc()
    check(acl.mdl.get_desc(d, model), "desc")
    m = acl.mdl
    result = {
        "inputs": [
            (
                m.get_input_name_by_index(d, i),
                m.get_input_dims(d, i)[0]["dims"],
                m.get_input_size_by_index(d, i),
            )
            for i in range(m.get_num_inputs(d))
        ],
        "outputs": [
            (
                m.get_output_name_by_index(d, i),
                m.get_output_dims(d, i)[0]["dims"],
                m.get_output_size_by_index(d, i),
            )
            for i in range(m.get_num_outputs(d))
        ],
    }
    m.unload(model)
    return result


# %% decode
def decoded(jpeg, width, height, channel, stream):
    media = acl.media
    places = []

    def room(n):
        place, ret = media.dvpp_malloc(n)
        check(ret, "malloc")
        places.append(place)
        return place

    def pic(place, n):
        d = media.dvpp_create_pic_desc()
        media.dvpp_set_pic_desc_data(d, place)
        media.dvpp_set_pic_desc_size(d, n)
        media.dvpp_set_pic_desc_format(d, 1)
        return d

    try:
        here = acl.util.bytes_to_ptr(jpeg)
        large, ret = media.dvpp_jpeg_predict_dec_size(here, len(jpeg), 1)
        check(ret, "predict")
        file = room(len(jpeg))
        check(acl.rt.memcpy(file, len(jpeg), here, len(jpeg), 1), "copy")
        a = pic(room(large), large)
        check(media.dvpp_jpeg_decode_async(channel, file, len(jpeg), a, stream), "decode")
        check(acl.rt.synchronize_stream(stream), "decode")
        stride = -(-width // 16) * 16
        n = stride * height * 3 // 2
        small = room(n)
        b = pic(small, n)
        for name, value in (
            ("width", width),
            ("height", height),
            ("width_stride", stride),
            ("height_stride", height),
        ):
            getattr(media, f"dvpp_set_pic_desc_{name}")(b, value)
        check(media.dvpp_vpc_resize_async(channel, a, b, media.dvpp_create_resize_config(), stream), "resize")
        check(acl.rt.synchronize_stream(stream), "resize")
        places.remove(small)
        return small, n, stride
    finally:
        for place in places:
            media.dvpp_free(place)


# %% classify
def classify(model, address, nbytes):
    d = acl.mdl.create_desc()
    acl.mdl.get_desc(d, model)
    size = acl.mdl.get_output_size_by_index(d, 0)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    try:
        sets = []
        for a, n in ((address, nbytes), (out, size)):
            sets.append(acl.mdl.create_dataset())
            acl.mdl.add_dataset_buffer(sets[-1], acl.create_data_buffer(a, n))
        check(acl.mdl.execute(model, *sets), "execute")
        scores = np.empty(size // 4, np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy")
        return int(scores.argmax()), scores.tolist()
    finally:
        acl.rt.free(out)
