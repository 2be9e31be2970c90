"""`acl.media`: pictures through the media units, against a written-out reference, and what they refuse."""

from __future__ import annotations

import io

import acl
import npusim
import numpy as np
import pytest
from PIL import Image

NV12, RGB = 1, 12
H2D, D2H = 1, 2


@pytest.fixture
def chip(monkeypatch):
    """Starts AscendCL on a chip with an open channel and a stream: (channel, stream)."""

    def start(soc="Ascend310P3"):
        monkeypatch.setenv("NPUSIM_SOC", soc)
        npusim.reset()
        assert acl.init() == 0
        assert acl.rt.set_device(0) == 0
        stream, _ = acl.rt.create_stream()
        channel = acl.media.dvpp_create_channel_desc()
        assert acl.media.dvpp_create_channel(channel) == 0
        return channel, stream

    return start


def picture(width, height, fmt=NV12, align=(16, 2), data=None):
    """A picture description with memory of its own: handle, address, bytes."""
    channels = 3 if fmt == RGB else 1
    stride = -(-width // align[0]) * align[0] * channels
    rows = -(-height // align[1]) * align[1]
    size = stride * rows * (3 if fmt == NV12 else 2) // 2
    ptr, ret = acl.media.dvpp_malloc(size)
    assert ret == 0
    desc = acl.media.dvpp_create_pic_desc()
    values = {"data": ptr, "size": size, "format": fmt, "width": width, "height": height}
    values |= {"width_stride": stride, "height_stride": rows}
    for name, value in values.items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    if data is not None:
        full = np.zeros(size, np.uint8)
        planes = full[: stride * rows].reshape(rows, stride), full[stride * rows :].reshape(-1, stride)
        planes[0][:height, : width * channels] = data[0].reshape(height, -1)
        if fmt == NV12:
            planes[1][: height // 2, :width] = data[1].reshape(height // 2, -1)
        assert acl.rt.memcpy(ptr, size, acl.util.numpy_to_ptr(full), size, H2D) == 0
    return desc, ptr, size


def read(ptr, size, stride, width, height):
    """Luma and chroma of an NV12 picture on the device."""
    full = np.zeros(size, np.uint8)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(full), size, ptr, size, D2H) == 0
    rows = size * 2 // 3 // stride
    luma = full[: stride * rows].reshape(rows, stride)[:height, :width]
    chroma = full[stride * rows :].reshape(rows // 2, stride)[: height // 2, :width]
    return luma, chroma.reshape(height // 2, width // 2, 2)


def gradient(width, height):
    """Planes that tell where a pixel came from."""
    y, x = np.mgrid[:height, :width]
    luma = ((x + y) % 256).astype(np.uint8)
    chroma = np.dstack([x[::2, ::2] % 256, y[::2, ::2] % 256]).astype(np.uint8)
    return luma, chroma


def jpeg(width, height, **options):
    """A JPEG of smooth colours, and its RGB."""
    y, x = np.mgrid[:height, :width]
    rgb = np.dstack([x * 255 // width, y * 255 // height, np.full_like(x, 90)]).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=95, **options)
    return out.getvalue(), rgb


def on_device(data):
    """Bytes in media memory."""
    ptr, ret = acl.media.dvpp_malloc(len(data))
    assert ret == 0
    assert acl.rt.memcpy(ptr, len(data), acl.util.bytes_to_ptr(data), len(data), H2D) == 0
    return ptr


@pytest.mark.parametrize(
    ("soc", "strides"), [("Ascend310", (128, 64)), ("Ascend310P3", (128, 64)), ("Ascend310B4", (98, 50))]
)
def test_a_jpeg_is_decoded_with_the_strides_of_the_chip(chip, soc, strides):
    """Size, strides and colours of a decoded JPEG; chips differ in alignment."""
    channel, stream = chip(soc)
    data, rgb = jpeg(98, 50)
    source = np.frombuffer(data, np.uint8).copy()
    start = acl.util.numpy_to_ptr(source)
    width, height, components, ret = acl.media.dvpp_jpeg_get_image_info(start, len(data))
    assert (width, height, components, ret) == (98, 50, 3, 0)
    size, ret = acl.media.dvpp_jpeg_predict_dec_size(start, len(data), NV12)
    assert (size, ret) == (strides[0] * strides[1] * 3 // 2, 0)
    ptr, _ = acl.media.dvpp_malloc(size)
    desc = acl.media.dvpp_create_pic_desc()
    acl.media.dvpp_set_pic_desc_data(desc, ptr)
    acl.media.dvpp_set_pic_desc_format(desc, NV12)
    acl.media.dvpp_set_pic_desc_size(desc, size)
    assert acl.media.dvpp_jpeg_decode_async(channel, on_device(data), len(data), desc, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    assert acl.media.dvpp_get_pic_desc_ret_code(desc) == 0
    assert (acl.media.dvpp_get_pic_desc_width(desc), acl.media.dvpp_get_pic_desc_height(desc)) == (98, 50)
    assert acl.media.dvpp_get_pic_desc_width_stride(desc) == strides[0]
    luma, _ = read(ptr, size, strides[0], 98, 50)
    expected = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    assert np.abs(luma - expected).max() <= 4


@pytest.mark.parametrize("soc", ["Ascend310", "Ascend310P3", "Ascend310B4"])
def test_a_jpeg_of_odd_sides_loses_its_last_column_and_row(chip, soc):
    """4:2:0 has no half colours: 65 x 49 comes out as 64 x 48, in memory of the predicted size."""
    channel, stream = chip(soc)
    data, _ = jpeg(65, 49)
    size, ret = acl.media.dvpp_jpeg_predict_dec_size(acl.util.bytes_to_ptr(data), len(data), NV12)
    assert ret == 0
    ptr, _ = acl.media.dvpp_malloc(size)
    desc = acl.media.dvpp_create_pic_desc()
    for name, value in {"data": ptr, "size": size, "format": NV12}.items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    assert acl.media.dvpp_jpeg_decode_async(channel, on_device(data), len(data), desc, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    assert (acl.media.dvpp_get_pic_desc_width(desc), acl.media.dvpp_get_pic_desc_height(desc)) == (64, 48)
    target, _, _ = picture(32, 32)
    config = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_vpc_resize_async(channel, desc, target, config, stream) == 0


def test_resizing_interpolates_between_pixel_centres(chip):
    """Half the size of a smooth picture is the mean of its neighbours, in luma and chroma."""
    channel, stream = chip()
    luma, chroma = gradient(64, 32)
    source, _, _ = picture(64, 32, data=(luma, chroma))
    target, ptr, size = picture(32, 16)
    config = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_vpc_resize_async(channel, source, target, config, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    small, small_chroma = read(ptr, size, 32, 32, 16)
    blocks = luma.reshape(16, 2, 32, 2).astype(int).sum(axis=(1, 3))
    assert np.abs(small - (blocks + 2) // 4).max() <= 1
    assert (
        np.abs(
            small_chroma.astype(int) - (chroma.reshape(8, 2, 16, 2, 2).astype(int).sum(axis=(1, 3)) + 2) // 4
        ).max()
        <= 1
    )


def test_cropping_takes_the_region_and_pasting_leaves_the_rest(chip):
    """A region cut out comes at its own place in the output; the rest of the output stays."""
    channel, stream = chip()
    luma, chroma = gradient(64, 32)
    source, _, _ = picture(64, 32, data=(luma, chroma))
    target, ptr, size = picture(
        64, 32, data=(np.full((32, 64), 7, np.uint8), np.full((16, 32, 2), 9, np.uint8))
    )
    crop = acl.media.dvpp_create_roi_config(8, 39, 4, 19)
    paste = acl.media.dvpp_create_roi_config(16, 47, 10, 25)
    assert acl.media.dvpp_vpc_crop_and_paste_async(channel, source, target, crop, paste, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    found, found_chroma = read(ptr, size, 64, 64, 32)
    assert (found[10:26, 16:48] == luma[4:20, 8:40]).all()
    assert (found_chroma[5:13, 8:24] == chroma[2:10, 4:20]).all()
    rest = np.ones((32, 64), bool)
    rest[10:26, 16:48] = False
    assert (found[rest] == 7).all()


def test_an_encoded_picture_decodes_to_itself(chip):
    """JPEG there and back changes little, and the size says how many bytes there are."""
    channel, stream = chip()
    luma = np.tile(np.arange(64, dtype=np.uint8) * 3, (32, 1))
    source, _, _ = picture(64, 32, data=(luma, np.full((16, 32, 2), 128, np.uint8)))
    config = acl.media.dvpp_create_jpege_config()
    assert acl.media.dvpp_set_jpege_config_level(config, 95) == 0
    room, ret = acl.media.dvpp_jpeg_predict_enc_size(source, config)
    assert ret == 0
    ptr, _ = acl.media.dvpp_malloc(room)
    size = np.array([room], np.uint32)
    assert acl.media.dvpp_jpeg_encode_async(channel, source, ptr, size, config, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    assert 0 < size[0] < room
    data = np.zeros(int(size[0]), np.uint8)
    acl.rt.memcpy(acl.util.numpy_to_ptr(data), data.nbytes, ptr, data.nbytes, D2H)
    found = np.asarray(Image.open(io.BytesIO(data.tobytes())).convert("L")).astype(int)
    assert np.abs(found - luma).max() <= 6


def test_colours_are_converted_by_the_full_range_matrix(chip):
    """YUV to RGB within 1 of BT.601's definition."""
    channel, stream = chip("Ascend310B4")
    luma, chroma = np.full((32, 64), 100, np.uint8), np.full((16, 32, 2), (90, 200), np.uint8)
    source, _, _ = picture(64, 32, data=(luma, chroma), align=(1, 1))
    target, ptr, size = picture(64, 32, RGB, align=(1, 1))
    assert acl.media.dvpp_vpc_convert_color_async(channel, source, target, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    found = np.zeros(size, np.uint8)
    acl.rt.memcpy(acl.util.numpy_to_ptr(found), size, ptr, size, D2H)
    expected = (100 + 1.402 * 72, 100 - 0.344136 * -38 - 0.714136 * 72, 100 + 1.772 * -38)
    assert np.abs(found.reshape(-1, 3)[0] - np.array(expected)).max() <= 1


def test_a_larger_picture_takes_longer_and_units_work_side_by_side(chip):
    """Device time grows with the pixels; two streams use two units."""
    channel, stream = chip()
    config = acl.media.dvpp_create_resize_config()
    small = picture(64, 32)[0], picture(64, 32)[0]
    large = picture(1920, 1080)[0], picture(1920, 1080)[0]

    def cost(pairs, streams):
        before = npusim.node().host.now
        for (source, target), each in zip(pairs, streams, strict=True):
            assert acl.media.dvpp_vpc_resize_async(channel, source, target, config, each) == 0
        for each in streams:
            acl.rt.synchronize_stream(each)
        return npusim.node().host.now - before

    other, _ = acl.rt.create_stream()
    one = cost([large], [stream])
    assert one > 10 * cost([small], [stream])
    assert cost([large, large], [stream, other]) < 1.5 * one


def _resize(channel, stream, source, target):
    config = acl.media.dvpp_create_resize_config()
    return acl.media.dvpp_vpc_resize_async(channel, source, target, config, stream)


def _changed(name, value):
    def call(channel, stream):
        source, target = picture(64, 32)[0], picture(32, 16)[0]
        getattr(acl.media, f"dvpp_set_pic_desc_{name}")(source, value)
        return _resize(channel, stream, source, target)

    return call


def _crop(*sides):
    def call(channel, stream):
        source, target = picture(64, 32)[0], picture(32, 16)[0]
        area = acl.media.dvpp_create_roi_config(*sides)
        return acl.media.dvpp_vpc_crop_async(channel, source, target, area, stream)

    return call


def _decode(data):
    def call(channel, stream):
        desc = picture(128, 64)[0]
        return acl.media.dvpp_jpeg_decode_async(channel, on_device(data), len(data), desc, stream)

    return call


WRONG = {
    "an odd width": (_changed("width", 63), 100000, "even sizes"),
    "a stride that is not aligned": (_changed("width_stride", 65), 100000, "not aligned to 16"),
    "a stride below the width": (_changed("width_stride", 48), 100000, "not from 64 to 16384; give 64"),
    "a stride beyond the largest": (_changed("width_stride", 16400), 100000, "not from 64 to 16384"),
    "an odd height stride": (_changed("height_stride", 33), 100000, "height stride 33"),
    "a format that is none": (_changed("format", 77), 100000, "format 77"),
    "a picture of 8 pixels": (_changed("width", 8), 100000, "VPC takes 10x6 to 8192x8192"),
    "too little memory said": (_changed("size", 10), 100000, "strides need"),
    "memory that is not there": (_changed("data", 4096), 107000, "device pointer is needed"),
    "an odd left side": (_crop(1, 33, 0, 15), 100000, "must be even"),
    "an even right side": (_crop(0, 32, 0, 15), 100000, "right and bottom odd"),
    "a region that leaves the picture": (_crop(0, 65, 0, 15), 100000, "leaves the picture"),
    "a channel that is none": (lambda c, s: _resize(5, s, 0, 0), 100000, "no channel description"),
    "bytes that are no JPEG": (_decode(b"no picture at all"), 148052, "no JPEG"),
    "a PNG": (_decode(b"\x89PNG\r\n\x1a\n" + b"\0" * 60), 148052, "JPEG"),
    "a progressive JPEG": (_decode(jpeg(64, 32, progressive=True)[0]), 148052, "progressive"),
    "host memory freed as media memory": (lambda c, s: acl.media.dvpp_free(4096), 107000, "not the device's"),
    "a quality of 101": (
        lambda c, s: acl.media.dvpp_set_jpege_config_level(acl.media.dvpp_create_jpege_config(), 101),
        100000,
        "give 0 to 100",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_the_units_do_not_take_has_its_code(chip, what):
    """Formats, strides, regions and files that hardware refuses are refused before anything is written."""
    channel, stream = chip()
    call, code, reason = WRONG[what]
    assert call(channel, stream) == code
    assert reason in acl.get_recent_err_msg()
    assert acl.rt.synchronize_stream(stream) == 0


def test_a_truncated_jpeg_fails_on_the_device(chip):
    """Damage behind the header is found when decoding: the wait answers, the picture has a return code."""
    channel, stream = chip()
    data = jpeg(64, 32)[0]
    cut = data[:-60]
    desc = picture(128, 64)[0]
    assert acl.media.dvpp_jpeg_decode_async(channel, on_device(cut), len(cut), desc, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 507018
    assert acl.media.dvpp_get_pic_desc_ret_code(desc) == 148052


def test_closed_channels_do_nothing(chip):
    """After destroy a channel is refused, and a second destroy too."""
    channel, stream = chip()
    assert acl.media.dvpp_destroy_channel(channel) == 0
    assert acl.media.dvpp_destroy_channel(channel) == 100000
    assert _resize(channel, stream, picture(64, 32)[0], picture(32, 16)[0]) == 100000
    assert acl.media.dvpp_destroy_channel_desc(channel) == 0


def test_a_batch_is_as_many_descriptions(chip):
    """A batch hands out its descriptions by index, and none beyond."""
    chip()
    batch = acl.media.dvpp_create_batch_pic_desc(3)
    assert len({acl.media.dvpp_get_pic_desc(batch, i) for i in range(3)}) == 3
    assert acl.media.dvpp_get_pic_desc(batch, 3) == 0
    assert acl.media.dvpp_destroy_batch_pic_desc(batch) == 0


def test_what_is_not_simulated_says_so():
    """What is not there says so by name, and does not count as there."""
    with pytest.raises(AttributeError, match="not simulated"):
        _ = acl.media.dvpp_vpc_calc_hist_async
    assert not hasattr(acl.media, "dvpp_create_lut_map")


def test_a_picture_of_8k_is_made_smaller(chip):
    """Resizing takes pictures up to 8192 x 8192; cutting does not."""
    channel, stream = chip()
    large, size = acl.media.dvpp_create_pic_desc(), 8192 * 4320 * 3 // 2
    memory, ret = acl.media.dvpp_malloc(size)
    assert ret == 0
    values = {"data": memory, "size": size, "format": NV12, "width": 8192, "height": 4320}
    for name, value in (values | {"width_stride": 8192, "height_stride": 4320}).items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(large, value) == 0
    small = picture(256, 136)[0]
    region = acl.media.dvpp_create_roi_config(0, 63, 0, 31)
    assert acl.media.dvpp_vpc_crop_async(channel, large, small, region, stream) == 100000
    nearest = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_set_resize_config_interpolation(nearest, 2) == 0
    assert acl.media.dvpp_vpc_resize_async(channel, large, small, nearest, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0


def test_either_call_frees_media_memory(chip):
    """The call acl.rt.free takes media memory, as in public samples; dvpp_free takes no other."""
    chip()
    memory, ret = acl.media.dvpp_malloc(64)
    assert ret == 0
    assert acl.rt.free(memory) == 0
    assert acl.media.dvpp_free(memory) == 107000
    other, ret = acl.rt.malloc(64, 0)
    assert ret == 0
    assert acl.media.dvpp_free(other) == 107000
    assert acl.rt.free(other) == 0


def test_a_jpeg_tells_its_sampling(chip):
    """Pictures of 4:4:4, 4:2:2 and 4:2:0, and grey ones, are told apart."""
    chip()
    for sampling in (0, 1, 2):
        data, _ = jpeg(64, 32, subsampling=sampling)
        found = acl.media.dvpp_jpeg_get_image_info_v2(acl.util.bytes_to_ptr(data), len(data))
        assert found == (64, 32, 3, sampling, 0)
    out = io.BytesIO()
    Image.new("L", (64, 32)).save(out, "JPEG")
    data = out.getvalue()
    found = acl.media.dvpp_jpeg_get_image_info_v2(acl.util.bytes_to_ptr(data), len(data))
    assert found == (64, 32, 1, 3, 0)


def test_a_jpeg_is_decoded_whose_copy_is_on_the_same_stream_still(chip):
    """Copy and decode follow each other on a stream without a wait between them, as on the device."""
    channel, stream = chip("Ascend310B4")
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (0, 200, 0)).save(file, "JPEG")
    data = file.getvalue()
    source, _ = acl.media.dvpp_malloc(len(data))
    ptr, _ = acl.media.dvpp_malloc(64 * 48 * 3 // 2)
    desc = acl.media.dvpp_create_pic_desc()
    for name, value in {"data": ptr, "size": 64 * 48 * 3 // 2, "format": NV12}.items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    here = acl.util.bytes_to_ptr(data)
    assert acl.rt.memcpy_async(source, len(data), here, len(data), H2D, stream) == 0
    other, _ = acl.rt.create_stream()
    assert acl.media.dvpp_jpeg_decode_async(channel, source, len(data), desc, other) == 148052
    assert acl.media.dvpp_jpeg_decode_async(channel, source, len(data), desc, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    luma, _ = read(ptr, 64 * 48 * 3 // 2, 64, 64, 48)
    assert abs(int(luma[24, 32]) - 117) < 4
