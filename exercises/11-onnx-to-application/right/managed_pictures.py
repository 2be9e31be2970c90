# ---
# about: Text from a template, context managers for memory and pictures, struct, an event to wait for.
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    from pathlib import Path

    n, c, h, w = shape
    out = ["atc"]
    out.append("--framework=5")
    out.append("--soc_version=" + soc)
    out.append("--model=" + str(Path(model)))
    out += ["--insert_op_conf=" + str(aipp)] if aipp is not None else []
    out.append("--input_shape=picture:" + str(n) + "," + str(c) + "," + str(h) + "," + str(w))
    out.append("--output=" + str(output))
    return out


# %% aipp
AIPP_TEXT = """\
# 由 aipp_config 生成
aipp_op {{
    related_input_rank: 0
    aipp_mode: static
    input_format: YUV420SP_U8
    src_image_size_w: {w}
    src_image_size_h: {h}
    csc_switch: true
    matrix_r0c0: 256
    matrix_r0c1: 0
    matrix_r0c2: 359
    matrix_r1c0: 256
    matrix_r1c1: -88
    matrix_r1c2: -183
    matrix_r2c0: 256
    matrix_r2c1: 454
    matrix_r2c2: 0
    input_bias_0: 0
    input_bias_1: 128
    input_bias_2: 128
    mean_chn_0: {m[0]}
    mean_chn_1: {m[1]}
    mean_chn_2: {m[2]}
    var_reci_chn_0: {v[0]}
    var_reci_chn_1: {v[1]}
    var_reci_chn_2: {v[2]}
}}
"""


def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    v = (1.0 / (255.0 * np.asarray(std, np.float64))).round(8).tolist()
    return AIPP_TEXT.format(w=width, h=height, m=[int(m) for m in mean], v=v)


# %% describe
def describe(path):
    number, ret = acl.mdl.load_from_file(str(path))
    check(ret, "load")
    try:
        told = acl.mdl.create_desc()
        try:
            check(acl.mdl.get_desc(told, number), "desc")
            ins = [
                (
                    acl.mdl.get_input_name_by_index(told, i),
                    acl.mdl.get_input_dims(told, i)[0]["dims"],
                    acl.mdl.get_input_size_by_index(told, i),
                )
                for i in range(acl.mdl.get_num_inputs(told))
            ]
            outs = [
                (
                    acl.mdl.get_output_name_by_index(told, i),
                    acl.mdl.get_output_dims(told, i)[0]["dims"],
                    acl.mdl.get_output_size_by_index(told, i),
                )
                for i in range(acl.mdl.get_num_outputs(told))
            ]
        finally:
            check(acl.mdl.destroy_desc(told), "destroy")
    finally:
        check(acl.mdl.unload(number), "unload")
    return {"inputs": ins, "outputs": outs}


# %% decode
class Media:
    """媒体内存"""

    def __init__(self, size):
        self.address, ret = acl.media.dvpp_malloc(size)
        check(ret, "dvpp_malloc")
        self.size = size

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.address:
            acl.media.dvpp_free(self.address)


class Picture:
    def __init__(self, memory):
        self.handle = acl.media.dvpp_create_pic_desc()
        acl.media.dvpp_set_pic_desc_data(self.handle, memory.address)
        acl.media.dvpp_set_pic_desc_size(self.handle, memory.size)
        acl.media.dvpp_set_pic_desc_format(self.handle, 1)

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        acl.media.dvpp_destroy_pic_desc(self.handle)


def decoded(jpeg, width, height, channel, stream):
    array = np.frombuffer(jpeg, np.uint8).copy()
    here = acl.util.numpy_to_ptr(array)
    size, ret = acl.media.dvpp_jpeg_predict_dec_size(here, array.nbytes, 1)
    check(ret, "no JPEG")
    stride = (width + 15) & ~15
    rows = (height + 1) & ~1
    total = stride * rows + stride * rows // 2
    with (
        Media(array.nbytes) as file,
        Media(size) as large,
        Media(total) as small,
        Picture(large) as a,
        Picture(small) as b,
    ):
        check(acl.rt.memcpy(file.address, file.size, here, array.nbytes, 1), "copy")
        check(acl.media.dvpp_jpeg_decode_async(channel, file.address, file.size, a, stream), "decode")
        check(acl.rt.synchronize_stream(stream), "decode")
        acl.media.dvpp_set_pic_desc_width(b, width)
        acl.media.dvpp_set_pic_desc_height(b, height)
        acl.media.dvpp_set_pic_desc_width_stride(b, stride)
        acl.media.dvpp_set_pic_desc_height_stride(b, rows)
        config = acl.media.dvpp_create_resize_config()
        try:
            check(acl.media.dvpp_vpc_resize_async(channel, a, b, config, stream), "resize")
            check(acl.rt.synchronize_device(), "resize")
        finally:
            acl.media.dvpp_destroy_resize_config(config)
        kept, small.address = small.address, 0
        return kept, total, stride


# %% classify
def _bytes_of_output(model):
    desc = acl.mdl.create_desc()
    try:
        check(acl.mdl.get_desc(desc, model), "desc")
        return acl.mdl.get_output_size_by_index(desc, 0)
    finally:
        acl.mdl.destroy_desc(desc)


def classify(model, address, nbytes):
    import struct

    size = _bytes_of_output(model)
    place, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    given, got = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    a, b = acl.create_data_buffer(address, nbytes), acl.create_data_buffer(place, size)
    acl.mdl.add_dataset_buffer(given, a)
    acl.mdl.add_dataset_buffer(got, b)
    ret = acl.mdl.execute(model, given, got)
    host = np.zeros(size, np.uint8)
    if ret == 0:
        ret = acl.rt.memcpy(acl.util.numpy_to_ptr(host), size, place, size, 2)
    message = acl.get_recent_err_msg() if ret else ""
    acl.mdl.destroy_dataset(given)
    acl.mdl.destroy_dataset(got)
    acl.destroy_data_buffer(a)
    acl.destroy_data_buffer(b)
    acl.rt.free(place)
    if ret:
        raise RuntimeError(f"{ret} {message}")
    scores = list(struct.unpack(f"<{size // 4}f", host.tobytes()))
    return scores.index(max(scores)), scores


# %% many
def classify_many(model, address, count, nbytes, stream):
    size = None
    desc = acl.mdl.create_desc()
    try:
        check(acl.mdl.get_desc(desc, model), "desc")
        size = acl.mdl.get_output_size_by_index(desc, 0)
    finally:
        acl.mdl.destroy_desc(desc)
    classes = size // 32
    runs, rest = divmod(count, 8)
    runs += bool(rest)
    place, ret = acl.rt.malloc(runs * size, 0)
    check(ret, "malloc")
    gone = []
    try:
        for run in range(runs):
            pair = []
            for where, n in ((address + run * 8 * nbytes, 8 * nbytes), (place + run * size, size)):
                dataset = acl.mdl.create_dataset()
                buffer = acl.create_data_buffer(where, n)
                acl.mdl.add_dataset_buffer(dataset, buffer)
                gone.append((dataset, buffer))
                pair.append(dataset)
            check(acl.mdl.execute_async(model, pair[0], pair[1], stream), f"run {run}")
        mark, ret = acl.rt.create_event()
        check(ret, "event")
        acl.rt.record_event(mark, stream)
        check(acl.rt.synchronize_event(mark), "wait")
        acl.rt.destroy_event(mark)
        rows = np.zeros((runs * 8, classes), np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(rows), rows.nbytes, place, rows.nbytes, 2), "copy")
    finally:
        acl.rt.synchronize_stream(stream)
        for dataset, buffer in gone:
            acl.mdl.destroy_dataset(dataset)
            acl.destroy_data_buffer(buffer)
        acl.rt.free(place)
    return [int(np.argmax(rows[i])) for i in range(count)]
