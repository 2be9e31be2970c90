# ---
# about: Swaps U and V and the columns of the matrix with them, and copies scores on the stream as well.
# ---
# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    settings = {
        "aipp_mode": "static",
        "input_format": "YUV420SP_U8",
        "src_image_size_w": width,
        "src_image_size_h": height,
        "rbuv_swap_switch": "true",
        "csc_switch": "true",
        "input_bias_1": 128,
        "input_bias_2": 128,
    }
    for r, row in enumerate([(256, 359, 0), (256, -183, -88), (256, 0, 454)]):
        settings |= {f"matrix_r{r}c{c}": value for c, value in enumerate(row)}
        settings[f"mean_chn_{r}"] = mean[r]
        settings[f"var_reci_chn_{r}"] = format(1 / (std[r] * 255), "f")
    return "aipp_op {" + " ".join(f"{name}: {value}" for name, value in settings.items()) + "}"


# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    size = acl.mdl.get_output_size_by_index(desc, 0)
    acl.mdl.destroy_desc(desc)
    runs = (count + 7) // 8
    places = [acl.rt.malloc(size, 0)[0] for _ in range(runs)]
    host, ret = acl.rt.malloc_host(runs * size)
    check(ret, "malloc_host")
    for i, place in enumerate(places):
        sets = []
        for pointer, room in ((address + i * 8 * nbytes, 8 * nbytes), (place, size)):
            sets.append(acl.mdl.create_dataset())
            acl.mdl.add_dataset_buffer(sets[-1], acl.create_data_buffer(pointer, room))
        check(acl.mdl.execute_async(model, sets[0], sets[1], stream), "execute")
        check(acl.rt.memcpy_async(host + i * size, size, place, size, 2, stream), "copy")
    check(acl.rt.synchronize_stream(stream), "wait")
    scores = np.frombuffer(acl.util.ptr_to_bytes(host, runs * size), np.float32).reshape(runs * 8, -1)
    for place in places:
        acl.rt.free(place)
    acl.rt.free_host(host)
    return [int(i) for i in scores.argmax(axis=1)][:count]
