"""VDEC: decoding H.264 and H.265 (annex B); the face is `acl.media`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import npusim

from acl import _pictures as pictures
from acl._calls import AclError, plain, status
from acl._handles import Handles
from acl._media import decoded, pics
from acl._memory import space
from acl._pictures import NV12, PARAM, Picture
from acl._state import State
from acl._stream_desc import pieces
from acl._video_channels import (
    CODECS,
    ENTYPES,
    FORMATS,
    VideoChannel,
    callback_setter,
    choice,
    getter,
    new_codec,
    setter,
)
from acl._vpc import scaled, write_picture

if TYPE_CHECKING:
    from collections.abc import Callable

DAMAGED = 500001  # ACL_ERROR_FAILURE, in a picture's return code


@dataclass
class FrameConfig:
    """Settings of one frame; the real ones are reserved."""


@dataclass
class Frame:
    """A frame on its way.

    Attributes:
        stream_desc, pic_desc: the caller's handles; no picture for a frame that is skipped.
        view: the picture's memory.
        user_data: the caller's.
    """

    stream_desc: int
    pic_desc: int
    view: memoryview | None
    user_data: Any


class Decoder(VideoChannel):
    """A channel that decodes.

    Attributes:
        pending: frames that were sent and did not come out, in their order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pending: deque[Frame] = deque()

    def take(self, data: bytes) -> None:
        """Decode a piece; pictures that come out go to the pending frames in their order."""
        import av

        try:
            for packet in self.codec.parse(data) + self.codec.parse(b""):
                self._deliver(self.codec.decode(packet))
        except (av.error.FFmpegError, ValueError):
            self._fail_first()

    def end(self) -> None:
        """Bring out what the codec holds; what then has no picture failed."""
        import av

        try:
            self._deliver(self.codec.decode(None))
        except (av.error.FFmpegError, ValueError):
            self._fail_first()
        while self.pending:
            self._fail_first()
        self.codec = new_codec(CODECS[self.entype], "r")

    def _deliver(self, frames: list[Any]) -> None:
        for frame in frames:
            if self.pending:
                sent = self.pending.popleft()
                self._fill(sent, frame)
                self._finish(sent)

    def _fail_first(self) -> None:
        if not self.pending:
            return
        sent = self.pending.popleft()
        if sent.pic_desc:
            pics.get(sent.pic_desc).ret_code = DAMAGED
        self._finish(sent)

    def _finish(self, sent: Frame) -> None:
        callback = self.callback
        if callback is not None:
            self.finished.append(lambda: callback(sent.stream_desc, sent.pic_desc, sent.user_data))

    def _fill(self, sent: Frame, frame: Any) -> None:
        """Write a decoded frame into the picture that was sent for it, at its size if it has one."""
        if sent.view is None:
            return
        picture = pics.get(sent.pic_desc)
        found = pictures.rules(npusim.node().settings.chip.soc)
        picture.width = picture.width or frame.width // 2 * 2
        picture.height = picture.height or frame.height // 2 * 2
        picture.width_stride = -(-picture.width // found.width) * found.width
        picture.height_stride = -(-picture.height // found.height) * found.height
        if picture.fmt not in FORMATS or picture.needed > len(sent.view):
            picture.ret_code = PARAM
            return
        listed = pictures.convert(_planes(frame), NV12, picture.fmt)
        made = scaled(listed, picture.width, picture.height, 0)
        write_picture(picture, sent.view[: picture.needed], made)


def _planes(frame: Any) -> list[Any]:
    """Luma and chroma of a decoded frame, cut to even sizes."""
    import numpy as np

    width, height = frame.width // 2 * 2, frame.height // 2 * 2
    found = []
    for number, plane in enumerate(frame.reformat(format="nv12").planes):
        rows = height // (2 if number else 1)
        raw = np.frombuffer(plane, np.uint8)[: rows * plane.line_size].reshape(rows, plane.line_size)[
            :, :width
        ]
        found.append(raw.reshape(rows, width // 2, 2) if number else raw)
    return found


decoders: Handles[Decoder] = Handles("video decoder channel")
configs: Handles[FrameConfig] = Handles("decoder frame setting")


def _clear() -> None:
    for decoder in decoders.all():
        decoder.callback = None
    decoders.clear()


State.finalisers += [_clear, configs.clear]


@plain()
def vdec_create_channel_desc() -> int:
    """A decoder channel's description: its handle."""
    return decoders.add(Decoder())


@status
def vdec_destroy_channel_desc(channel_desc: int) -> None:
    """End a decoder channel's description: `ret`. Codes: 100000 none, or its channel is open."""
    if decoders.get(channel_desc).stream is not None:
        raise AclError(PARAM, "the channel is open; call acl.media.vdec_destroy_channel first")
    decoders.remove(channel_desc)


vdec_set_channel_desc_callback = callback_setter(decoders, "vdec")
vdec_set_channel_desc_entype = choice(decoders, "vdec", "entype", "entype", ENTYPES)
vdec_set_channel_desc_out_pic_format = choice(decoders, "vdec", "out_pic_format", "fmt", FORMATS)
vdec_set_channel_desc_out_mode = choice(
    decoders, "vdec", "out_mode", "out_mode", {0: "in the order of display", 1: "at once"}
)


def _numbers(kind: Any) -> dict[str, Callable[..., Any]]:
    """Setters and getters of plain numbers, by their names."""
    found: dict[str, Callable[..., Any]] = {}
    names = {
        "channel_id": "channel_id",
        "thread_id": "thread_id",
        "out_pic_width": "width",
        "out_pic_height": "height",
        "ref_frame_num": "ref_frame_num",
        "bit_depth": "bit_depth",
    }
    for name, attribute in names.items():
        found[f"vdec_set_channel_desc_{name}"] = setter(kind, "vdec", name, attribute)
    names |= {"entype": "entype", "out_pic_format": "fmt", "out_mode": "out_mode"}
    for name, attribute in names.items():
        found[f"vdec_get_channel_desc_{name}"] = getter(kind, "vdec", name, attribute)
    return found


NUMBERS = _numbers(decoders)


@plain(None)
def vdec_get_channel_desc_callback(channel_desc: int) -> Callable[..., Any] | None:
    """What is called for each picture."""
    return decoders.get(channel_desc).callback


@status
def vdec_create_channel(channel_desc: int) -> None:
    """Open a decoder: `ret`. Codes: 100000 no thread or callback, or open; 107002, 200006 no codec."""
    found = decoders.get(channel_desc)
    found.open(new_codec(CODECS[found.entype], "r"))
    found.codec.flags |= (
        0x00080000  # low delay: a picture comes out with its piece where the stream allows it
    )


@status
def vdec_destroy_channel(channel_desc: int) -> None:
    """Finish what was sent, call it back, and close: `ret`. Codes: 100000 not open, 507012 no report."""
    found = decoders.get(channel_desc)
    found.close(found.end)


@plain()
def vdec_create_frame_config() -> int:
    """Settings of a frame: their handle."""
    return configs.add(FrameConfig())


@status
def vdec_destroy_frame_config(frame_config: int) -> None:
    """End settings of a frame: `ret`. Codes: 100000."""
    configs.remove(frame_config)


@status
def vdec_send_frame(channel_desc: int, input: int, output: int, config: int, user_data: Any) -> None:  # noqa: A002 - the real name
    """Decode a piece of a stream: `ret`; the callback gets (input, output, user_data) when it is done.

    Codes: 100000 handles, channel, sizes; 107000 pointers.

    Args:
        channel_desc: an open channel.
        input: a stream description with one frame; with eos and without data it ends the stream.
        output: a picture description with memory and format; a size other than the stream's scales.
        config: settings of the frame; 0 for none.
        user_data: anything.
    """
    _send(channel_desc, input, output, config, user_data)


@status
def vdec_send_skipped_frame(channel_desc: int, input: int, config: int, user_data: Any) -> None:  # noqa: A002 - the real name
    """`vdec_send_frame` without a picture; the callback gets 0 for it: `ret`."""
    _send(channel_desc, input, 0, config, user_data)


def _send(channel_desc: int, stream_desc: int, pic_desc: int, config: int, user_data: Any) -> None:
    found = decoders.get(channel_desc)
    found.need_stream()
    if config:
        configs.get(config)
    piece = pieces.get(stream_desc)
    if piece.eos and not piece.size:
        found.send("", 0, found.end)
        return
    if piece.size < 1:
        raise AclError(PARAM, "the piece of the stream has no bytes; set its size, or eos")
    source = space.device_view(piece.data, piece.size, "input")
    picture: Picture | None = pics.get(pic_desc) if pic_desc else None
    view = None if picture is None else space.device_view(picture.data, picture.size, "output")
    if picture is not None:
        picture.fmt = found.fmt if picture.fmt not in FORMATS else picture.fmt
        picture.ret_code = 0
    sent = Frame(stream_desc, pic_desc, view, user_data)

    def work() -> None:
        found.pending.append(sent)
        found.take(bytes(source))

    found.send("VDEC", 0 if picture is None else max(picture.size * 2 // 3, 1), work)
    if picture is not None:
        decoded[picture.data] = found.need_stream().tail
