"""Batches, borders and PNG on the media units: the same pictures as one at a time, in less device time."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import acl
import npusim
import numpy as np
import pytest
from PIL import Image

SPEC = importlib.util.spec_from_file_location("media", Path(__file__).parent / "test_media.py")
media = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(media)
NV12, RGB = media.NV12, media.RGB


@pytest.fixture
def channel(monkeypatch):
    """AscendCL on an Ascend310P3 with an open channel and a stream: (channel, stream)."""
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    stream, _ = acl.rt.create_stream()
    made = acl.media.dvpp_create_channel_desc()
    assert acl.media.dvpp_create_channel(made) == 0
    return made, stream


def batch(pictures):
    """A batch whose descriptions say what those of pictures say."""
    made = acl.media.dvpp_create_batch_pic_desc(len(pictures))
    for number, (desc, _, _) in enumerate(pictures):
        mine = acl.media.dvpp_get_pic_desc(made, number)
        for name in ("data", "size", "format", "width", "height", "width_stride", "height_stride"):
            value = getattr(acl.media, f"dvpp_get_pic_desc_{name}")(desc)
            assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(mine, value) == 0
    return made


def planes(entry, width, height):
    """Luma and chroma of a picture."""
    stride = acl.media.dvpp_get_pic_desc_width_stride(entry[0])
    return media.read(entry[1], entry[2], stride, width, height)


def test_a_batch_does_what_single_calls_do_and_sooner(channel):
    """Three regions of two pictures come out as by crop calls, sharing the chip's units."""
    areas = [(0, 63, 0, 31), (32, 95, 16, 47), (64, 127, 32, 63)]
    sources = [media.picture(128, 64, data=media.gradient(128, 64)) for _ in range(2)]
    crops = [acl.media.dvpp_create_roi_config(*area) for area in areas]
    single, many = ([media.picture(64, 32) for _ in areas] for _ in range(2))
    owners = [0, 0, 1]
    begin = npusim.node().host.now
    for crop, out, owner in zip(crops, single, owners, strict=True):
        assert acl.media.dvpp_vpc_crop_async(channel[0], sources[owner][0], out[0], crop, channel[1]) == 0
    assert acl.rt.synchronize_stream(channel[1]) == 0
    middle = npusim.node().host.now
    inputs, outputs = batch(sources), batch(many)
    found = acl.media.dvpp_vpc_batch_crop_async(channel[0], inputs, [2, 1], outputs, crops, channel[1])
    assert found == (outputs, 0), acl.get_recent_err_msg()
    assert acl.rt.synchronize_stream(channel[1]) == 0
    assert npusim.node().host.now - middle < middle - begin
    for one, other in zip(single, many, strict=True):
        for a, b in zip(planes(one, 64, 32), planes(other, 64, 32), strict=True):
            assert (a == b).all()


def test_a_batch_is_scaled_and_pasted(channel):
    """crop_resize_paste puts each region at its place; the rest of the output stays."""
    source = media.picture(128, 64, data=media.gradient(128, 64))
    target = media.picture(64, 64, data=(np.full((64, 64), 9, np.uint8), np.full((32, 32, 2), 7, np.uint8)))
    crop, paste = (
        acl.media.dvpp_create_roi_config(0, 63, 0, 63),
        acl.media.dvpp_create_roi_config(16, 47, 16, 47),
    )
    nearest = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_set_resize_config_interpolation(nearest, 2) == 0
    assert acl.media.dvpp_get_resize_config_interpolation(nearest) == 2
    found = acl.media.dvpp_vpc_batch_crop_resize_paste_async(
        channel[0], batch([source]), [1], batch([target]), [crop], [paste], nearest, channel[1]
    )
    assert found[1] == 0
    assert acl.rt.synchronize_stream(channel[1]) == 0
    luma, chroma = planes(target, 64, 64)
    assert (luma[16:48, 16:48] == media.gradient(128, 64)[0][1:64:2, 1:64:2]).all()
    assert (luma[:16] == 9).all()
    assert (chroma[24:] == 7).all()


def test_a_border_is_drawn_around(channel):
    """Constant and repeated borders stand around the scaled region."""
    for kind in (0, 1, 2, 3):
        source = media.picture(64, 64, data=media.gradient(64, 64))
        target = media.picture(64, 64)
        border = acl.media.dvpp_create_border_config()
        for side in ("top", "bottom", "left", "right"):
            assert getattr(acl.media, f"dvpp_set_border_config_{side}")(border, 16) == 0
            assert getattr(acl.media, f"dvpp_get_border_config_{side}")(border) == 16
        assert acl.media.dvpp_set_border_config_border_type(border, kind) == 0
        assert acl.media.dvpp_set_border_config_value(border, 0, 77) == 0
        assert acl.media.dvpp_get_border_config_value(border, 0) == 77
        crop = acl.media.dvpp_create_roi_config(0, 31, 0, 31)
        found = acl.media.dvpp_vpc_batch_crop_resize_make_border_async(
            channel[0], batch([source]), [1], batch([target]), [crop], [border],
            acl.media.dvpp_create_resize_config(), channel[1],
        )  # fmt: skip
        assert found[1] == 0, acl.get_recent_err_msg()
        assert acl.rt.synchronize_stream(channel[1]) == 0
        luma, _ = planes(target, 64, 64)
        inside = media.gradient(64, 64)[0][:32, :32]
        assert (luma[16:48, 16:48] == inside).all()
        corner = {0: 77, 1: inside[0, 0], 2: inside[15, 15], 3: inside[16, 16]}[kind]
        assert luma[0, 0] == corner


def test_what_does_not_fit_in_a_batch_is_refused(channel):
    """Numbers of regions and outputs must agree; lists must be lists of 1 to 256."""
    inputs, outputs = batch([media.picture(128, 64)]), batch([media.picture(64, 32)])
    crop = acl.media.dvpp_create_roi_config(0, 63, 0, 31)
    call = acl.media.dvpp_vpc_batch_crop_async
    assert call(channel[0], inputs, [2], outputs, [crop], channel[1]) == (0, 100000)
    assert call(channel[0], inputs, [1], outputs, [crop, crop], channel[1]) == (0, 100000)
    assert call(channel[0], 5, [1], outputs, [crop], channel[1]) == (0, 100000)
    with pytest.raises(ValueError, match="1 to 256"):
        call(channel[0], inputs, [], outputs, [crop], channel[1])
    with pytest.raises(TypeError, match="must be a list"):
        call(channel[0], inputs, 1, outputs, [crop], channel[1])


def test_a_png_is_decoded(channel):
    """Size, stride and every pixel of a PNG; what is no PNG, or is transparent, is refused."""
    rgb = np.random.default_rng(0).integers(0, 256, (20, 50, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    data = out.getvalue()
    ptr = acl.util.bytes_to_ptr(data)
    assert acl.media.dvpp_png_get_image_info(ptr, len(data)) == (50, 20, 3, 0)
    size, ret = acl.media.dvpp_png_predict_dec_size(ptr, len(data), RGB)
    assert (size, ret) == (128 * 3 * 32, 0)
    memory, _ = acl.media.dvpp_malloc(size)
    desc = acl.media.dvpp_create_pic_desc()
    for name, value in (("data", memory), ("size", size), ("format", RGB)):
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    file = media.on_device(data)
    assert acl.media.dvpp_png_decode_async(channel[0], file, len(data), desc, channel[1]) == 0
    assert acl.rt.synchronize_stream(channel[1]) == 0
    full = np.zeros(size, np.uint8)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(full), size, memory, size, 2) == 0
    assert (full.reshape(32, 384)[:20, :150].reshape(20, 50, 3) == rgb).all()
    assert acl.media.dvpp_set_pic_desc_size(desc, 10) == 0
    assert acl.media.dvpp_png_decode_async(channel[0], file, len(data), desc, channel[1]) == 100000
    assert acl.media.dvpp_png_get_image_info(acl.util.bytes_to_ptr(b"GIF89a"), 6) == (0, 0, 0, 100000)
    Image.fromarray(rgb).convert("RGBA").save(out := io.BytesIO(), "PNG")
    clear = out.getvalue()
    assert acl.media.dvpp_png_get_image_info(acl.util.bytes_to_ptr(clear), len(clear))[3] == 200006
