"""The camera that sends H.264: VDEC (视频解码) in JPEGD's place, everything behind it as before.

A piece of such a stream says what has changed since the one before. So pieces go to one channel, in their
order, and the decoder calls back in a thread of ours when a picture is there.
"""

from __future__ import annotations

import queue
import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import acl
import numpy as np

from edge_board.board import NV12, Board, BoardError, Frames, Model, Slot, _media, _picture, _sizes, must
from edge_board.pipelines import Marks, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

    from edge_board.sight import Sight

H264_BASELINE = 1
AHEAD = 4  # pictures that may be in the decoder
PATIENCE = 20.0  # seconds until a decoder that says nothing is given up


def film(pictures: Sequence[Image.Image]) -> list[bytes]:
    """What a camera makes of pictures: a piece of H.264 for each, the first whole, the others differences."""
    import av

    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = pictures[0].size
    codec.pix_fmt, codec.framerate = "yuvj420p", Fraction(25)
    codec.options = {"profile": "baseline", "tune": "zerolatency", "preset": "veryfast"}
    pieces = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuvj420p")
        frame.pts = number
        pieces += [bytes(packet) for packet in codec.encode(frame)]
    return pieces + [bytes(packet) for packet in codec.encode(None)]


class Decoder:
    """A VDEC channel with its thread; pictures that are ready lie in `ready`.

    Args:
        board: whose.
        frames: how a decoded frame lies in memory.
    """

    def __init__(self, board: Board, frames: Frames) -> None:
        self.board, self.frames = board, frames
        self.ready: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.thread, ret = acl.util.start_thread(self._process, [None])
        must(ret, "start_thread")
        self.config = acl.media.vdec_create_frame_config()
        self.channel = acl.media.vdec_create_channel_desc()
        settings = {
            "channel_id": 0,
            "thread_id": self.thread,
            "callback": self._arrived,
            "entype": H264_BASELINE,
            "out_pic_format": NV12,
        }
        for name, value in settings.items():
            must(getattr(acl.media, f"vdec_set_channel_desc_{name}")(self.channel, value), name)
        must(acl.media.vdec_create_channel(self.channel), "open the decoder")

    def _process(self, _: object) -> None:
        acl.rt.set_context(self.board.context)
        while not self.ended.is_set():
            acl.rt.process_report(20)

    def _arrived(self, stream_desc: int, picture: int, number: int) -> None:
        """In the decoder's thread: a picture is there, or was not to be had."""
        acl.media.dvpp_free(acl.media.dvpp_get_stream_desc_data(stream_desc))
        acl.media.dvpp_destroy_stream_desc(stream_desc)
        self.ready.put((number, picture))

    def send(self, piece: bytes, number: int) -> None:
        """Give a piece of the stream to the decoder, and memory for its picture."""
        memory = _media(len(piece))
        must(
            acl.rt.memcpy(memory, len(piece), acl.util.bytes_to_ptr(piece), len(piece), self.board.copy_in),
            "copy in",
        )
        stream = acl.media.dvpp_create_stream_desc()
        for name, value in {"data": memory, "size": len(piece), "format": H264_BASELINE}.items():
            must(getattr(acl.media, f"dvpp_set_stream_desc_{name}")(stream, value), name)
        picture = acl.media.dvpp_create_pic_desc()
        _picture(picture, _media(self.frames.nbytes), self.frames.nbytes)
        must(acl.media.vdec_send_frame(self.channel, stream, picture, self.config, number), "send a frame")

    def next(self) -> tuple[int, int]:
        """Wait for the next picture: its number and its description.

        Raises:
            BoardError: it could not be decoded, or did not come.
        """
        try:
            number, picture = self.ready.get(timeout=PATIENCE)
        except queue.Empty:
            raise BoardError(f"the decoder gave no picture in {PATIENCE:.0f} s") from None
        code = acl.media.dvpp_get_pic_desc_ret_code(picture)
        if code:
            give_back(picture)
            raise BoardError(f"frame {number} cannot be decoded: {code}; was a piece lost?")
        return number, picture

    def close(self) -> None:
        """End the channel and its thread, and what is still on its way."""
        acl.media.vdec_destroy_channel(self.channel)
        self.ended.set()
        acl.util.stop_thread(self.thread)
        while not self.ready.empty():
            give_back(self.ready.get()[1])
        acl.media.vdec_destroy_channel_desc(self.channel)
        acl.media.vdec_destroy_frame_config(self.config)


def give_back(picture: int) -> None:
    """End a picture and its memory."""
    acl.media.dvpp_free(acl.media.dvpp_get_pic_desc_data(picture))
    acl.media.dvpp_destroy_pic_desc(picture)


class VideoSlot(Slot):
    """A slot whose decoded picture comes from elsewhere."""

    def take(self, picture: int) -> None:
        """Resize this picture next."""
        source = acl.media.dvpp_get_pic_desc(self.sources, 0)
        tell = [
            getattr(acl.media, f"dvpp_get_pic_desc_{name}")(picture)
            for name in ("width", "height", "width_stride", "height_stride")
        ]
        _picture(source, acl.media.dvpp_get_pic_desc_data(picture), self.frames.nbytes)
        _sizes(source, *tell)
        self.jpegs = [b""]  # one picture


def video(
    board: Board,
    model: Model,
    frames: Frames,
    pieces: Sequence[bytes],
    show: Callable[[int, Sight], None] | None = None,
) -> Run:
    """VDEC decodes ahead, while the picture before is resized and looked at.

    Args:
        board: an open one.
        model: the detector for one picture.
        frames: how a decoded frame lies in memory.
        pieces: of the stream, in their order.
        show: called with each frame's number and what was seen in it.

    Raises:
        BoardError: a piece cannot be decoded.
    """
    decoder, slot, marks = Decoder(board, frames), VideoSlot(board, model, frames), Marks()
    clock, sights = board.new_stream(), []  # no work is on it: its events say when the host came by
    waiting = list(enumerate(pieces))[::-1]
    try:
        for _ in range(min(AHEAD, len(waiting))):
            marks.begin(clock)
            decoder.send(waiting[-1][1], waiting.pop()[0])
        for _ in pieces:
            number, picture = decoder.next()
            slot.take(picture)
            for step in (slot.resize, slot.run, slot.fetch):
                step(board.stream)
            marks.end(board.stream)
            if waiting:
                marks.begin(clock)
                decoder.send(waiting[-1][1], waiting.pop()[0])
            board.wait(board.stream)
            give_back(picture)
            sights += slot.read()
            if show is not None:
                show(number, sights[-1])
    finally:
        decoder.close()
        slot.free()
    run = marks.times(sights)
    acl.rt.destroy_stream(clock)
    return run
