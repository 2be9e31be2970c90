# ---
# about: Further options, min_chn, crop and resize, execute_async on a stream of its own, pinned memory.
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    options = {"model": model, "framework": 5, "output": output, "soc_version": soc, "input_format": "NCHW"}
    options["input_shape"] = f"picture:{shape[0]},{shape[1]},{shape[2]},{shape[3]}"
    if aipp:
        options["insert_op_conf"] = aipp
    return ["atc"] + [f"--{k}={v}" for k, v in options.items()]


# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    # 均值用 min_chn 给出
    matrix = "".join(
        f" matrix_r{r}c{c}: {round(256 * v)}"
        for r, row in enumerate([(1, 0, 1.402), (1, -0.344136, -0.714136), (1, 1.772, 0)])
        for c, v in enumerate(row)
    )
    scale = "".join(
        f" min_chn_{i}: {float(m)} var_reci_chn_{i}: {1 / (255 * s):.8f}"
        for i, (m, s) in enumerate(zip(mean, std, strict=True))
    )
    return (
        f"aipp_op {{ aipp_mode : static input_format : YUV420SP_U8 csc_switch : true rbuv_swap_switch : false"
        f" src_image_size_w : {width} src_image_size_h : {height}"
        f" input_bias_0: 0 input_bias_1: 128 input_bias_2: 128 {matrix} {scale} }}"
    )


# %% describe
def describe(path):
    m = acl.mdl
    model, ret = m.load_from_file(path)
    if ret:
        raise RuntimeError(f"{path}: {ret}")
    desc = m.create_desc()
    found = {}
    try:
        check(m.get_desc(desc, model), "get_desc")
        for side in ("input", "output"):
            rows = []
            for i in range(getattr(m, f"get_num_{side}s")(desc)):
                dims, ret = getattr(m, f"get_{side}_dims")(desc, i)
                check(ret, "dims")
                rows.append(
                    (
                        getattr(m, f"get_{side}_name_by_index")(desc, i),
                        list(dims["dims"]),
                        getattr(m, f"get_{side}_size_by_index")(desc, i),
                    )
                )
            found[side + "s"] = rows
    finally:
        m.destroy_desc(desc)
        check(m.unload(model), "unload")
    return found


# %% decode
from contextlib import ExitStack


def decoded(jpeg, width, height, channel, stream):
    media = acl.media

    def described(back, place, size, **more):
        desc = media.dvpp_create_pic_desc()
        back.callback(media.dvpp_destroy_pic_desc, desc)
        for name, value in {"data": place, "size": size, "format": 1, **more}.items():
            check(getattr(media, "dvpp_set_pic_desc_" + name)(desc, value), name)
        return desc

    def room(size):
        place, ret = media.dvpp_malloc(size)
        check(ret, "dvpp_malloc")
        return place

    with ExitStack() as back, ExitStack() as if_failed:
        size = len(jpeg)
        here = acl.util.bytes_to_ptr(jpeg)
        w, h, _, ret = media.dvpp_jpeg_get_image_info(here, size)
        check(ret, "info")
        large, ret = media.dvpp_jpeg_predict_dec_size(here, size, 1)
        check(ret, "predict")
        file = room(size)
        back.callback(media.dvpp_free, file)
        check(acl.rt.memcpy(file, size, here, size, 1), "copy")
        photo = room(large)
        back.callback(media.dvpp_free, photo)
        whole = described(back, photo, large)
        check(media.dvpp_jpeg_decode_async(channel, file, size, whole, stream), "decode")
        check(acl.rt.synchronize_stream(stream), "decode")
        stride, rows = -(-width // 16) * 16, -(-height // 2) * 2
        nbytes = stride * rows * 3 // 2
        result = room(nbytes)
        if_failed.callback(media.dvpp_free, result)
        small = described(
            back, result, nbytes, width=width, height=height, width_stride=stride, height_stride=rows
        )
        region = media.dvpp_create_roi_config(0, w // 2 * 2 - 1, 0, h // 2 * 2 - 1)
        back.callback(media.dvpp_destroy_roi_config, region)
        config = media.dvpp_create_resize_config()
        back.callback(media.dvpp_destroy_resize_config, config)
        check(media.dvpp_vpc_crop_resize_async(channel, whole, small, region, config, stream), "resize")
        check(acl.rt.synchronize_stream(stream), "resize")
        if_failed.pop_all()
        return result, nbytes, stride


# %% classify
def classify(model, address, nbytes):
    with ExitStack() as back:

        def taken(answer, give):
            handle = answer[0] if isinstance(answer, tuple) else answer
            if isinstance(answer, tuple):
                check(answer[1], give.__name__)
            back.callback(give, handle)
            return handle

        desc = taken(acl.mdl.create_desc(), acl.mdl.destroy_desc)
        check(acl.mdl.get_desc(desc, model), "desc")
        size = acl.mdl.get_output_size_by_index(desc, 0)
        own = taken(acl.rt.create_stream(), acl.rt.destroy_stream)
        out = taken(acl.rt.malloc(size, 0), acl.rt.free)
        host = taken(acl.rt.malloc_host(size), acl.rt.free_host)
        sets = []
        for place, n in ((address, nbytes), (out, size)):
            sets.append(taken(acl.mdl.create_dataset(), acl.mdl.destroy_dataset))
            buffer = taken(acl.create_data_buffer(place, n), acl.destroy_data_buffer)
            check(acl.mdl.add_dataset_buffer(sets[-1], buffer)[1], "add")
        check(acl.mdl.execute_async(model, *sets, own), "execute")
        check(acl.rt.memcpy_async(host, size, out, size, 2, own), "copy")
        check(acl.rt.synchronize_stream(own), "wait")
        scores = np.frombuffer(acl.util.ptr_to_bytes(host, size), np.float32)
        scores = [float(x) for x in scores]
        return max(range(len(scores)), key=scores.__getitem__), scores


# %% many
def classify_many(model, address, count, nbytes, stream):
    with ExitStack() as back:

        def taken(answer, give):
            handle = answer[0] if isinstance(answer, tuple) else answer
            if isinstance(answer, tuple):
                check(answer[1], give.__name__)
            back.callback(give, handle)
            return handle

        desc = taken(acl.mdl.create_desc(), acl.mdl.destroy_desc)
        check(acl.mdl.get_desc(desc, model), "desc")
        size = acl.mdl.get_output_size_by_index(desc, 0)
        classes = acl.mdl.get_output_dims(desc, 0)[0]["dims"][-1]

        def bound(place, n):
            dataset = taken(acl.mdl.create_dataset(), acl.mdl.destroy_dataset)
            check(
                acl.mdl.add_dataset_buffer(
                    dataset, taken(acl.create_data_buffer(place, n), acl.destroy_data_buffer)
                )[1],
                "add",
            )
            return dataset

        runs = range(0, count, 8)
        outs = [taken(acl.rt.malloc(size, 0), acl.rt.free) for _ in runs]
        hosts = [taken(acl.rt.malloc_host(size), acl.rt.free_host) for _ in runs]
        ready = [
            (bound(address + i * nbytes, 8 * nbytes), bound(out, size))
            for i, out in zip(runs, outs, strict=True)
        ]
        for pair in ready:
            check(acl.mdl.execute_async(model, *pair, stream), "execute")
        for host, out in zip(hosts, outs, strict=True):
            check(acl.rt.memcpy_async(host, size, out, size, 2, stream), "copy")
        check(acl.rt.synchronize_device(), "wait")
        rows = np.concatenate(
            [
                np.frombuffer(acl.util.ptr_to_bytes(host, size), np.float32).reshape(8, classes)
                for host in hosts
            ]
        )
        return rows.argmax(axis=1)[:count].tolist()
