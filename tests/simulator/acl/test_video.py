"""VENC and VDEC: pictures become a stream and come back, called back in the thread that the channel names."""

from __future__ import annotations

import threading

import acl
import npusim
import numpy as np
import pytest

WIDTH, HEIGHT = 128, 128
SIZE = WIDTH * HEIGHT * 3 // 2
H2D, D2H = 1, 2


@pytest.fixture
def thread(monkeypatch):
    """A thread that processes reports until the test ends: its id."""
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    context, _ = acl.rt.get_context()
    stop = threading.Event()

    def work(_):
        acl.rt.set_context(context)
        while not stop.is_set():
            if acl.rt.process_report(100):
                stop.wait(0.005)

    number, ret = acl.util.start_thread(work, [])
    assert ret == 0
    yield number
    stop.set()
    acl.util.stop_thread(number)


def shade(number):
    """An NV12 picture of smooth luma that tells its number."""
    luma = np.tile(np.arange(WIDTH, dtype=np.uint8) + 8 * number, (HEIGHT, 1))
    return np.concatenate([luma.ravel(), np.full(SIZE - luma.size, 128, np.uint8)])


def upload(array):
    """Bytes in media memory."""
    ptr, ret = acl.media.dvpp_malloc(array.nbytes)
    assert ret == 0
    assert acl.rt.memcpy(ptr, array.nbytes, acl.util.numpy_to_ptr(array), array.nbytes, H2D) == 0
    return ptr


def encode(thread, entype, count):
    """The pieces of a stream of `count` pictures, and what the callbacks got."""
    pieces, seen = [], []

    def callback(picture, stream_desc, user_data):
        size = acl.media.dvpp_get_stream_desc_size(stream_desc)
        back = np.zeros(size, np.uint8)
        assert (
            acl.rt.memcpy(
                acl.util.numpy_to_ptr(back), size, acl.media.dvpp_get_stream_desc_data(stream_desc), size, D2H
            )
            == 0
        )
        pieces.append(back)
        seen.append((picture, user_data, threading.get_ident()))

    channel = acl.media.venc_create_channel_desc()
    values = {"thread_id": thread, "callback": callback, "entype": entype, "pic_format": 1}
    values |= {"pic_width": WIDTH, "pic_height": HEIGHT, "key_frame_interval": 16}
    for name, value in values.items():
        assert getattr(acl.media, f"venc_set_channel_desc_{name}")(channel, value) == 0
    assert acl.media.venc_create_channel(channel) == 0, acl.get_recent_err_msg()
    config = acl.media.venc_create_frame_config()
    handles = []
    for number in range(count):
        desc = acl.media.dvpp_create_pic_desc()
        handles.append(desc)
        assert acl.media.dvpp_set_pic_desc_data(desc, upload(shade(number))) == 0
        assert acl.media.dvpp_set_pic_desc_size(desc, SIZE) == 0
        assert acl.media.venc_send_frame(channel, desc, 0, config, number) == 0
    assert acl.media.venc_set_frame_config_eos(config, 1) == 0
    assert acl.media.venc_send_frame(channel, 0, 0, config, None) == 0
    assert acl.media.venc_destroy_channel(channel) == 0
    assert acl.media.venc_destroy_channel_desc(channel) == 0
    assert [entry[:2] for entry in seen] == list(zip(handles, range(count), strict=True))
    assert {entry[2] for entry in seen} == {thread}
    return pieces


def decoder(thread, callback, entype):
    """An open decoder channel."""
    channel = acl.media.vdec_create_channel_desc()
    values = {
        "thread_id": thread,
        "callback": callback,
        "entype": entype,
        "out_pic_format": 1,
        "channel_id": 3,
    }
    for name, value in values.items():
        assert getattr(acl.media, f"vdec_set_channel_desc_{name}")(channel, value) == 0
    assert acl.media.vdec_get_channel_desc_out_mode(channel) == 0
    assert acl.media.vdec_create_channel(channel) == 0, acl.get_recent_err_msg()
    return channel


def send(channel, data, user_data, width=0, height=0):
    """Send a piece to a decoder: its handle, and the address of its picture."""
    stream, desc = acl.media.dvpp_create_stream_desc(), acl.media.dvpp_create_pic_desc()
    assert acl.media.dvpp_set_stream_desc_data(stream, upload(data)) == 0
    assert acl.media.dvpp_set_stream_desc_size(stream, data.nbytes) == 0
    memory, _ = acl.media.dvpp_malloc(SIZE)
    for name, value in (
        ("data", memory),
        ("size", SIZE),
        ("format", 1),
        ("width", width),
        ("height", height),
    ):
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    assert acl.media.vdec_send_frame(channel, stream, desc, 0, user_data) == 0, acl.get_recent_err_msg()
    return memory


@pytest.mark.parametrize("entype", [0, 1, 2, 3])
def test_pictures_come_back(thread, entype):
    """Encoded and decoded pictures are as before within 3, in their order, each with its own data."""
    pieces = encode(thread, entype, 4)
    got = []

    def callback(_stream, picture, user_data):
        size = (acl.media.dvpp_get_pic_desc_width(picture), acl.media.dvpp_get_pic_desc_height(picture))
        got.append((user_data, acl.media.dvpp_get_pic_desc_ret_code(picture), size))

    channel = decoder(thread, callback, entype)
    before = npusim.node().host.now
    pictures = [send(channel, piece, number) for number, piece in enumerate(pieces)]
    assert acl.media.vdec_destroy_channel(channel) == 0, acl.get_recent_err_msg()
    assert npusim.node().host.now >= before
    assert got == [(number, 0, (WIDTH, HEIGHT)) for number in range(4)]
    for number, memory in enumerate(pictures):
        back = np.zeros(SIZE, np.uint8)
        assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), SIZE, memory, SIZE, D2H) == 0
        assert np.abs(back.astype(int) - shade(number)).max() <= 3


def test_a_damaged_piece_has_a_return_code(thread):
    """Bytes that are no stream give a picture with a code and stop neither channel nor program."""
    got = []
    channel = decoder(
        thread, lambda _s, picture, data: got.append((data, acl.media.dvpp_get_pic_desc_ret_code(picture))), 2
    )
    send(channel, np.frombuffer(b"\x00\x00\x00\x01" + bytes(range(200)), np.uint8).copy(), "damaged")
    assert acl.media.vdec_destroy_channel(channel) == 0
    assert [name for name, _ in got] == ["damaged"]
    assert got[0][1] != 0


def test_a_picture_of_another_size_is_scaled(thread):
    """A picture that asks for a size gets the frame at that size."""
    (piece,) = encode(thread, 1, 1)
    got = []
    channel = decoder(
        thread, lambda _s, picture, _d: got.append(acl.media.dvpp_get_pic_desc_width_stride(picture)), 1
    )
    memory = send(channel, piece, None, 64, 32)
    assert acl.media.vdec_destroy_channel(channel) == 0
    assert got == [64]
    back = np.zeros(64 * 32, np.uint8)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, memory, back.nbytes, D2H) == 0
    assert (
        np.abs(
            back.reshape(32, 64).astype(int) - shade(0)[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)[::4, ::2]
        ).max()
        <= 4
    )


def test_what_a_channel_refuses(thread):
    """Channels without thread, callback or size, frames without bytes or memory: each its code."""
    channel = acl.media.vdec_create_channel_desc()
    assert acl.media.vdec_create_channel(channel) == 100000
    assert acl.media.vdec_set_channel_desc_entype(channel, 9) == 100000
    assert acl.media.vdec_set_channel_desc_out_pic_format(channel, 12) == 100000
    with pytest.raises(TypeError, match="callable"):
        acl.media.vdec_set_channel_desc_callback(channel, 3)
    stream = acl.media.dvpp_create_stream_desc()
    assert acl.media.vdec_send_frame(channel, stream, 0, 0, None) == 100000
    opened = decoder(thread, lambda *_: None, 1)
    assert acl.media.vdec_create_channel(opened) == 100000
    assert acl.media.vdec_destroy_channel_desc(opened) == 100000
    assert acl.media.vdec_send_frame(opened, stream, 0, 0, None) == 100000
    assert acl.media.dvpp_set_stream_desc_size(stream, 10) == 0
    assert acl.media.vdec_send_frame(opened, stream, 0, 0, None) == 107000
    assert acl.media.vdec_send_frame(opened, 1, 0, 0, None) == 100000
    assert acl.media.vdec_destroy_channel(opened) == 0
    assert acl.media.vdec_destroy_channel(opened) == 100000
    encoder = acl.media.venc_create_channel_desc()
    for name, value in (("thread_id", thread), ("callback", print), ("pic_width", 100), ("pic_height", 128)):
        assert getattr(acl.media, f"venc_set_channel_desc_{name}")(encoder, value) == 0
    assert acl.media.venc_create_channel(encoder) == 100000
    assert acl.media.venc_set_channel_desc_pic_width(encoder, 128) == 0
    assert acl.media.venc_create_channel(encoder) == 0
    small = acl.media.dvpp_create_pic_desc()
    assert acl.media.venc_send_frame(encoder, small, 0, 0, None) == 100000
    assert acl.media.venc_destroy_channel(encoder) == 0
