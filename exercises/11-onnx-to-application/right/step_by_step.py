# ---
# about: Plain steps with a template for AIPP, sizes from the JPEG's header, asynchronous runs on two streams.
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    n, c, h, w = shape
    options = {
        "--framework": "5",
        "--model": model,
        "--soc_version": soc,
        "--output": output,
        "--input_format": "NCHW",
        "--input_shape": f"picture:{n},{c},{h},{w}",
    }
    if aipp:
        options["--insert_op_conf"] = aipp
    return ["atc"] + [f"{name}={value}" for name, value in options.items()]


# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    scale = [1 / (255 * s) for s in std]
    return f"""aipp_op {{
    aipp_mode: static
    input_format: YUV420SP_U8
    csc_switch: true
    rbuv_swap_switch: false
    src_image_size_w: {width}
    src_image_size_h: {height}
    matrix_r0c0: 256  matrix_r0c1: 0  matrix_r0c2: 359
    matrix_r1c0: 256  matrix_r1c1: -88  matrix_r1c2: -183
    matrix_r2c0: 256  matrix_r2c1: 454  matrix_r2c2: 0
    input_bias_0: 0  input_bias_1: 128  input_bias_2: 128
    mean_chn_0: {mean[0]}  mean_chn_1: {mean[1]}  mean_chn_2: {mean[2]}
    var_reci_chn_0: {scale[0]:.9f}  var_reci_chn_1: {scale[1]:.9f}  var_reci_chn_2: {scale[2]:.9f}
}}
"""


# %% describe
def describe(path):
    model, ret = acl.mdl.load_from_file(path)
    check(ret, path)
    desc = acl.mdl.create_desc()
    try:
        ret = acl.mdl.get_desc(desc, model)
        check(ret, path)
        inputs, outputs = [], []
        for i in range(acl.mdl.get_num_inputs(desc)):
            dims, ret = acl.mdl.get_input_dims(desc, i)
            name, size = acl.mdl.get_input_name_by_index(desc, i), acl.mdl.get_input_size_by_index(desc, i)
            inputs.append((name, dims["dims"], size))
        for i in range(acl.mdl.get_num_outputs(desc)):
            dims, ret = acl.mdl.get_output_dims(desc, i)
            name, size = acl.mdl.get_output_name_by_index(desc, i), acl.mdl.get_output_size_by_index(desc, i)
            outputs.append((name, dims["dims"], size))
        return {"inputs": inputs, "outputs": outputs}
    finally:
        acl.mdl.destroy_desc(desc)
        acl.mdl.unload(model)


# %% decode
def decoded(jpeg, width, height, channel, stream):
    media = acl.media
    pointer = acl.util.bytes_to_ptr(jpeg)
    room, ret = media.dvpp_jpeg_predict_dec_size(pointer, len(jpeg), 1)
    check(ret, "no JPEG")
    stride = (width + 15) // 16 * 16
    nbytes = stride * height * 3 // 2
    file, large, small = (media.dvpp_malloc(size)[0] for size in (len(jpeg), room, nbytes))
    source, target = media.dvpp_create_pic_desc(), media.dvpp_create_pic_desc()
    config = media.dvpp_create_resize_config()
    for desc, address, size in ((source, large, room), (target, small, nbytes)):
        media.dvpp_set_pic_desc_data(desc, address)
        media.dvpp_set_pic_desc_size(desc, size)
        media.dvpp_set_pic_desc_format(desc, 1)
    media.dvpp_set_pic_desc_width(target, width)
    media.dvpp_set_pic_desc_height(target, height)
    media.dvpp_set_pic_desc_width_stride(target, stride)
    media.dvpp_set_pic_desc_height_stride(target, height)
    codes = [acl.rt.memcpy(file, len(jpeg), pointer, len(jpeg), 1)]
    codes.append(media.dvpp_jpeg_decode_async(channel, file, len(jpeg), source, stream))
    codes.append(acl.rt.synchronize_stream(stream))
    codes.append(media.dvpp_vpc_resize_async(channel, source, target, config, stream))
    codes.append(acl.rt.synchronize_stream(stream))
    media.dvpp_free(file)
    media.dvpp_free(large)
    media.dvpp_destroy_pic_desc(source)
    media.dvpp_destroy_pic_desc(target)
    media.dvpp_destroy_resize_config(config)
    if any(codes):
        media.dvpp_free(small)
        raise RuntimeError(str(codes))
    return small, nbytes, stride


# %% classify
def classify(model, address, nbytes):
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    dims = acl.mdl.get_output_dims(desc, 0)[0]["dims"]
    acl.mdl.destroy_desc(desc)
    scores = np.empty(dims, np.float32)
    place, ret = acl.rt.malloc(scores.nbytes, 0)
    check(ret, "malloc")
    inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    there, here = acl.create_data_buffer(address, nbytes), acl.create_data_buffer(place, scores.nbytes)
    acl.mdl.add_dataset_buffer(inputs, there)
    acl.mdl.add_dataset_buffer(outputs, here)
    own, ret = acl.rt.create_stream()
    code = acl.mdl.execute_async(model, inputs, outputs, own)
    acl.rt.synchronize_stream(own)
    acl.rt.destroy_stream(own)
    if code == 0:
        acl.rt.memcpy(acl.util.numpy_to_ptr(scores), scores.nbytes, place, scores.nbytes, 2)
    acl.destroy_data_buffer(there)
    acl.destroy_data_buffer(here)
    acl.mdl.destroy_dataset(inputs)
    acl.mdl.destroy_dataset(outputs)
    acl.rt.free(place)
    check(code, "execute")
    row = [float(x) for x in scores.flatten()]
    return row.index(max(row)), row


# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    size = acl.mdl.get_output_size_by_index(desc, 0)
    acl.mdl.destroy_desc(desc)
    other, ret = acl.rt.create_stream()
    check(ret, "create_stream")
    places = []
    for run, first in enumerate(range(0, count, 8)):
        place, ret = acl.rt.malloc(size, 0)
        check(ret, "malloc")
        places.append(place)
        inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address + first * nbytes, 8 * nbytes))
        acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(place, size))
        check(acl.mdl.execute_async(model, inputs, outputs, (stream, other)[run % 2]), "run")
    acl.rt.synchronize_stream(stream)
    acl.rt.synchronize_stream(other)
    acl.rt.destroy_stream(other)
    found = []
    for place in places:
        scores = np.empty((8, size // 32), np.float32)
        host = acl.util.numpy_to_ptr(scores)
        check(acl.rt.memcpy_async(host, size, place, size, 2, stream), "copy out")
        acl.rt.synchronize_stream(stream)
        found.extend(int(row.argmax()) for row in scores)
        acl.rt.free(place)
    return found[:count]
