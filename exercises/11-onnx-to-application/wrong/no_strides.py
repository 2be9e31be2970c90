# ---
# about: Takes the width for the stride, and forgets the file and the large picture.
# loses: {decode: 2}
# ---
# %% decode
def decoded(jpeg, width, height, channel, stream):
    media = acl.media
    here = acl.util.bytes_to_ptr(jpeg)
    room, ret = media.dvpp_jpeg_predict_dec_size(here, len(jpeg), 1)
    check(ret, "predict")
    nbytes = width * height * 3 // 2
    file, large, small = (media.dvpp_malloc(size)[0] for size in (len(jpeg), room, nbytes))
    check(acl.rt.memcpy(file, len(jpeg), here, len(jpeg), 1), "copy")
    source, target = media.dvpp_create_pic_desc(), media.dvpp_create_pic_desc()
    for desc, address, size in ((source, large, room), (target, small, nbytes)):
        media.dvpp_set_pic_desc_data(desc, address)
        media.dvpp_set_pic_desc_size(desc, size)
        media.dvpp_set_pic_desc_format(desc, 1)
    media.dvpp_set_pic_desc_width(target, width)
    media.dvpp_set_pic_desc_height(target, height)
    media.dvpp_set_pic_desc_width_stride(target, width)
    media.dvpp_set_pic_desc_height_stride(target, height)
    check(media.dvpp_jpeg_decode_async(channel, file, len(jpeg), source, stream), "decode")
    acl.rt.synchronize_stream(stream)
    config = media.dvpp_create_resize_config()
    check(media.dvpp_vpc_resize_async(channel, source, target, config, stream), "resize")
    acl.rt.synchronize_stream(stream)
    return small, nbytes, width
