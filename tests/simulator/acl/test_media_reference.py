"""The picture unit against a reference of its own: pixel by pixel, written from the definitions."""

from __future__ import annotations

import io
import math
from itertools import product

import acl
import npusim
import numpy as np
import pytest
from acl import _state
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

GREY, NV12, NV21, RGB, BGR = 0, 1, 2, 12, 13
CHANNELS = {GREY: 1, NV12: 1, NV21: 1, RGB: 3, BGR: 3}
H2D, D2H = 1, 2
# chip: alignment of the width stride, of the height stride without chroma, sides of JPEGD, least width stride
CHIPS = {
    "Ascend310": (16, 2, (128, 16), 32),
    "Ascend910A": (16, 2, (128, 16), 32),
    "Ascend310P3": (16, 1, (64, 16), 32),
    "Ascend310B4": (1, 1, (2, 2), 10),
    "Ascend910B3": (1, 1, (2, 2), 10),
}


def start(soc, monkeypatch):
    """AscendCL on a chip with an open channel and a stream: (channel, stream)."""
    if _state.State.initialised:
        acl.finalize()
    monkeypatch.setenv("NPUSIM_SOC", soc)
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    channel = acl.media.dvpp_create_channel_desc()
    assert acl.media.dvpp_create_channel(channel) == 0
    return channel, acl.rt.create_stream()[0]


def up(number, to):
    """The next multiple."""
    return -(-number // to) * to


class Picture:
    """A picture on the device: every byte of it drawn, those between the lines too."""

    def __init__(self, random, soc, fmt, width, height, more=(0, 0)):  # noqa: PLR0913, PLR0917 - a picture has these
        wide, high, _, least = CHIPS[soc]
        chroma = fmt in {NV12, NV21}
        high = 2 if chroma else high
        self.fmt, self.width, self.height = fmt, width, height
        self.stride = max(up(width, wide) * CHANNELS[fmt], least) + more[0] * wide
        self.rows = up(height, high) + more[1] * high
        plane = self.stride * self.rows
        self.size = (
            plane * 3 // 2 if chroma or (fmt == GREY and soc in {"Ascend310", "Ascend910A"}) else plane
        )
        self.bytes = random.integers(0, 256, self.size, dtype=np.uint8)
        self.ptr, ret = acl.media.dvpp_malloc(self.size)
        assert ret == 0
        assert acl.rt.memcpy(self.ptr, self.size, acl.util.numpy_to_ptr(self.bytes), self.size, H2D) == 0
        self.desc = acl.media.dvpp_create_pic_desc()
        for name, value in {
            "data": self.ptr,
            "size": self.size,
            "format": fmt,
            "width": width,
            "height": height,
            "width_stride": self.stride,
            "height_stride": self.rows,
        }.items():
            assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(self.desc, value) == 0

    def fetch(self):
        """Its bytes as they are on the device."""
        found = np.zeros(self.size, np.uint8)
        assert acl.rt.memcpy(acl.util.numpy_to_ptr(found), self.size, self.ptr, self.size, D2H) == 0
        return found

    def place(self, plane, x, y, channel):
        """Where a value of a plane lies."""
        if plane == 0:
            return y * self.stride + x * CHANNELS[self.fmt] + channel
        return self.stride * self.rows + y * self.stride + 2 * x + channel

    def planes(self):
        """For each plane: which, how much smaller than the picture, values a pixel."""
        yield 0, 1, CHANNELS[self.fmt]
        if self.fmt in {NV12, NV21}:
            yield 1, 2, 2


def sample(source, plane, channel, box, where):
    """The value between pixels: bilinear, pixels' centres at halves, the edge repeated within the region."""
    left, top, width, height = box
    x, y = where
    x, y = min(max(x - 0.5, 0), width - 1), min(max(y - 0.5, 0), height - 1)
    x0, y0 = math.floor(x), math.floor(y)
    total = 0.0
    for dx, dy in product((0, 1), (0, 1)):
        weight = (1 - abs(x - x0 - dx)) * (1 - abs(y - y0 - dy))
        if weight:
            at = source.place(plane, left + min(x0 + dx, width - 1), top + min(y0 + dy, height - 1), channel)
            total += weight * source.bytes[at]
    return total


def expected(source, target, crop, paste):
    """The target's bytes when a region of the source is scaled into a region of it; both of one format."""
    found = target.bytes.astype(float)
    for plane, less, channels in source.planes():
        box, place = ([n // less for n in region] for region in (crop, paste))
        for y, x, channel in product(range(place[3]), range(place[2]), range(channels)):
            where = (x + 0.5) * box[2] / place[2], (y + 0.5) * box[3] / place[3]
            at = target.place(plane, place[0] + x, place[1] + y, channel)
            found[at] = sample(source, plane, channel, box, where)
    return found


def region(left, top, width, height):
    """A region's handle: the last column and row are in it."""
    return acl.media.dvpp_create_roi_config(left, left + width - 1, top, top + height - 1)


SIDES = st.integers(5, 24).map(lambda n: 2 * n)


@st.composite
def regions(draw, *, aligned):
    """A picture's size and a region in it: (width, height), (left, top, width, height)."""
    width, height = draw(SIDES), draw(SIDES)
    left = draw(st.integers(0, (width - 2) // (2 * aligned))) * 2 * aligned
    top = draw(st.integers(0, (height - 2) // 2)) * 2
    size = draw(st.integers(1, (width - left) // 2)) * 2, draw(st.integers(1, (height - top) // 2)) * 2
    return (width, height), (left, top, *size)


@pytest.mark.parametrize("soc", CHIPS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cut_scaled_and_pasted_as_the_definition_says(soc, data):
    """Within 1 of 255 of the written-out reference, whatever the strides; no byte elsewhere is touched."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        channel, stream = start(soc, monkeypatch)
        random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        fmt = data.draw(st.sampled_from(sorted(CHANNELS)))
        more = st.tuples(st.integers(0, 3), st.integers(0, 3))
        (width, height), crop = data.draw(regions(aligned=1))
        source = Picture(random, soc, fmt, width, height, data.draw(more))
        (width, height), paste = data.draw(regions(aligned=8 if CHIPS[soc][0] > 1 else 1))
        target = Picture(random, soc, fmt, width, height, data.draw(more))
        config = acl.media.dvpp_create_resize_config()
        ret = acl.media.dvpp_vpc_crop_resize_paste_async(
            channel, source.desc, target.desc, region(*crop), region(*paste), config, stream
        )
        if any(b > 16 * a or a > 32 * b for a, b in zip(crop[2:], paste[2:], strict=True)):
            assert ret == 100000
            return
        assert ret == 0, acl.get_recent_err_msg()
        assert acl.rt.synchronize_stream(stream) == 0
        assert np.abs(target.fetch() - expected(source, target, crop, paste)).max() <= 1
        assert (source.fetch() == source.bytes).all()


def colours(source):
    """The picture's pixels as RGB, by BT.601 of the full range; each chroma value is for its 2 x 2 pixels."""
    found = np.zeros((source.height, source.width, 3))
    for y, x in product(range(source.height), range(source.width)):
        if source.fmt in {RGB, BGR}:
            rgb = [int(source.bytes[source.place(0, x, y, c)]) for c in range(3)]
            found[y, x] = rgb if source.fmt == RGB else rgb[::-1]
            continue
        luma = int(source.bytes[source.place(0, x, y, 0)])
        pair = [128, 128]
        if source.fmt != GREY:
            pair = [int(source.bytes[source.place(1, x // 2, y // 2, c)]) for c in range(2)]
        u, v = pair if source.fmt != NV21 else pair[::-1]
        found[y, x] = (
            luma + 1.402 * (v - 128),
            luma - 0.344136 * (u - 128) - 0.714136 * (v - 128),
            luma + 1.772 * (u - 128),
        )
    return found.clip(0, 255)


@pytest.mark.parametrize("soc", ["Ascend310P3", "Ascend310B4"])
@pytest.mark.parametrize("fmt", sorted(CHANNELS))
@pytest.mark.parametrize("to", [RGB, BGR])
def test_colours_as_the_definition_says(soc, fmt, to, monkeypatch):
    """Each format into RGB and BGR, within 1 of 255."""
    channel, stream = start(soc, monkeypatch)
    random = np.random.default_rng(7)
    source, target = Picture(random, soc, fmt, 38, 26, (1, 1)), Picture(random, soc, to, 38, 26, (2, 0))
    assert acl.media.dvpp_vpc_convert_color_async(channel, source.desc, target.desc, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    target.bytes = target.fetch()
    assert np.abs(colours(target) - colours(source)).max() <= 1


@pytest.mark.parametrize("soc", CHIPS)
@pytest.mark.parametrize(("width", "height"), [(64, 48), (66, 48), (130, 98), (639, 481), (1920, 1080)])
def test_a_decoded_jpeg_has_the_size_of_the_chip(soc, width, height, monkeypatch):
    """Predicted bytes, strides and sides follow the chip's alignment; one byte less is refused."""
    channel, stream = start(soc, monkeypatch)
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 90)).save(out, "JPEG")
    data = out.getvalue()
    wide, high = (up(side, to) for side, to in zip((width, height), CHIPS[soc][2], strict=True))
    here = acl.util.bytes_to_ptr(data)
    assert acl.media.dvpp_jpeg_predict_dec_size(here, len(data), NV12) == (wide * high * 3 // 2, 0)
    ptr, _ = acl.media.dvpp_malloc(len(data))
    assert acl.rt.memcpy(ptr, len(data), here, len(data), H2D) == 0
    target, _ = acl.media.dvpp_malloc(wide * high * 3 // 2)
    desc = acl.media.dvpp_create_pic_desc()
    for size, code in ((wide * high * 3 // 2 - 1, 100000), (wide * high * 3 // 2, 0)):
        for name, value in {"data": target, "size": size, "format": NV12}.items():
            assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
        assert acl.media.dvpp_jpeg_decode_async(channel, ptr, len(data), desc, stream) == code
    assert acl.rt.synchronize_stream(stream) == 0
    names = ("width", "height", "width_stride", "height_stride")
    told = [getattr(acl.media, f"dvpp_get_pic_desc_{name}")(desc) for name in names]
    assert told == [width // 2 * 2, height // 2 * 2, wide, high]


# what is changed of a right picture of 48 x 32, and whether each chip takes it
STRIDES = {
    ("width_stride", 56): {"Ascend310B4", "Ascend910B3"},
    ("width_stride", 64): set(CHIPS),
    ("width_stride", 40): set(),
    ("width_stride", 16400): set(),
    ("height_stride", 33): set(),  # chroma has half the lines
    ("height_stride", 34): set(CHIPS),
    ("height_stride", 30): set(),
    ("width", 47): set(),
    ("height", 31): set(),
    ("format", 14): set(),
}


@pytest.mark.parametrize("soc", CHIPS)
@pytest.mark.parametrize("change", STRIDES, ids=lambda change: f"{change[0]}-{change[1]}")
def test_each_chip_takes_its_strides_and_no_others(soc, change, monkeypatch):
    """310, 310P and 910A align the width to 16, 310B and 910B do not; parity is the same on all."""
    channel, stream = start(soc, monkeypatch)
    random = np.random.default_rng(1)
    source, target = Picture(random, soc, NV12, 48, 32, (0, 0)), Picture(random, soc, NV12, 64, 32)
    assert acl.media.dvpp_set_pic_desc_size(source.desc, 2**20) == 0
    source.size, _ = 2**20, acl.media.dvpp_free(source.ptr)
    source.ptr, _ = acl.media.dvpp_malloc(2**20)
    assert acl.media.dvpp_set_pic_desc_data(source.desc, source.ptr) == 0
    name, value = change
    assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(source.desc, value) == 0
    config = acl.media.dvpp_create_resize_config()
    ret = acl.media.dvpp_vpc_resize_async(channel, source.desc, target.desc, config, stream)
    assert ret == (0 if soc in STRIDES[change] else 100000), acl.get_recent_err_msg()


@pytest.mark.parametrize("soc", CHIPS)
def test_grey_pictures_need_the_memory_of_their_chip(soc, monkeypatch):
    """310 and 910A keep room for chroma behind a grey picture, and an even number of lines."""
    channel, stream = start(soc, monkeypatch)
    random = np.random.default_rng(2)
    source, target = Picture(random, soc, GREY, 48, 32), Picture(random, soc, GREY, 64, 32)
    config = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_vpc_resize_async(channel, source.desc, target.desc, config, stream) == 0
    assert acl.media.dvpp_set_pic_desc_size(source.desc, source.stride * source.rows) == 0
    older = soc in {"Ascend310", "Ascend910A"}
    ret = acl.media.dvpp_vpc_resize_async(channel, source.desc, target.desc, config, stream)
    assert ret == (100000 if older else 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": RGB, "width_stride": 192}, "JPEGE takes YUV420SP"),
        ({"width": 30}, "32x32 to 8192x8192"),
        ({"width_stride": 72}, "not aligned to 16"),
        ({"height_stride": 40}, "give 36 or 48"),
        ({"size": 10}, "strides need"),
    ],
)
def test_what_jpege_does_not_take(change, said, monkeypatch):
    """Formats without chroma, small pictures, strides: refused before anything runs."""
    channel, stream = start("Ascend310B4", monkeypatch)
    source = Picture(np.random.default_rng(3), "Ascend310P3", NV12, 64, 36)
    config = acl.media.dvpp_create_jpege_config()
    room, ret = acl.media.dvpp_jpeg_predict_enc_size(source.desc, config)
    assert ret == 0
    ptr, _ = acl.media.dvpp_malloc(room)
    size = np.array([room], np.uint32)
    assert acl.media.dvpp_jpeg_encode_async(channel, source.desc, ptr, size, config, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0  # noise at quality 100 has room enough
    for name, value in change.items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(source.desc, value) == 0
    assert acl.media.dvpp_jpeg_encode_async(channel, source.desc, ptr, size, config, stream) == 100000
    assert said in acl.get_recent_err_msg()
