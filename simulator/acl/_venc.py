"""VENC: encoding pictures as H.264 and H.265; the face is `acl.media`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import npusim

from acl import _pictures as pictures
from acl._calls import AclError, integer, plain, status
from acl._handles import Handles
from acl._media import pics
from acl._memory import DVPP, space
from acl._pictures import NV12, PARAM, Picture
from acl._state import State, device
from acl._stream_desc import Piece, pieces
from acl._video_channels import (
    ENTYPES,
    FORMATS,
    VideoChannel,
    callback_setter,
    choice,
    getter,
    new_codec,
    setter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODERS = {0: "libx265", 1: "libx264", 2: "libx264", 3: "libx264"}
PROFILES = {0: "main", 1: "baseline", 2: "main", 3: "high"}
SMALLEST, LARGEST = 128, 4096
INTRA = 1  # of the av package: a picture that needs no other


@dataclass
class FrameConfig:
    """Settings of one frame: whether it must be an intra frame, whether the stream ends here."""

    force_i_frame: int = 0
    eos: int = 0


class Encoder(VideoChannel):
    """A channel that encodes.

    Attributes:
        pending: the caller's picture and data of frames that were sent and did not come out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pending: deque[tuple[int, Any]] = deque()

    def take(self, picture: Picture, view: memoryview, *, intra: bool) -> None:
        """Encode a picture; pieces that come out are called back."""
        import av

        listed = pictures.convert(pictures.planes(picture, view), picture.fmt, NV12)
        frame = av.VideoFrame(picture.width, picture.height, "nv12")
        for plane, values in zip(frame.planes, listed, strict=True):
            rows = values.reshape(values.shape[0], -1)
            padded = bytearray(plane.buffer_size)
            for number, row in enumerate(rows):
                start = number * plane.line_size
                padded[start : start + row.nbytes] = row.tobytes()
            plane.update(bytes(padded))
        if intra:
            frame.pict_type = av.video.frame.PictureType(INTRA)
        self._out(lambda: self.codec.encode(frame.reformat(format="yuv420p")))

    def end(self) -> None:
        """Bring out what the codec holds."""
        self._out(lambda: self.codec.encode(None))

    def _out(self, encode: Callable[[], list[Any]]) -> None:
        import av

        try:
            made = encode()
        except (av.error.FFmpegError, ValueError) as error:
            npusim.node().log.write(3, "DVPP", f"VENC: {error}")
            return
        for packet in made:
            pic_desc, user_data = self.pending.popleft() if self.pending else (0, None)
            self.finished.append(self._calling(pic_desc, bytes(packet), user_data))

    def _calling(self, pic_desc: int, data: bytes, user_data: Any) -> Callable[[], None]:
        """The call back of one piece, whose memory lives as long as the call."""

        def run() -> None:
            if self.callback is None or self.stream is None:
                return
            address = space.malloc(self.stream.device, len(data), DVPP)
            space.device_view(address, len(data), "stream")[:] = data
            handle = pieces.add(Piece(address, len(data), self.entype))
            try:
                self.callback(pic_desc, handle, user_data)
            finally:
                pieces.remove(handle)
                space.free(address, kinds=(DVPP,))

        return run


encoders: Handles[Encoder] = Handles("video encoder channel")
configs: Handles[FrameConfig] = Handles("encoder frame setting")


def _clear() -> None:
    for encoder in encoders.all():
        encoder.callback = None
    encoders.clear()


State.finalisers += [_clear, configs.clear]


@plain()
def venc_create_channel_desc() -> int:
    """An encoder channel's description: its handle."""
    return encoders.add(Encoder())


@status
def venc_destroy_channel_desc(channel_desc: int) -> None:
    """End an encoder channel's description: `ret`. Codes: 100000 none, or its channel is open."""
    if encoders.get(channel_desc).stream is not None:
        raise AclError(PARAM, "the channel is open; call acl.media.venc_destroy_channel first")
    encoders.remove(channel_desc)


venc_set_channel_desc_callback = callback_setter(encoders, "venc")
venc_set_channel_desc_entype = choice(encoders, "venc", "entype", "entype", ENTYPES)
venc_set_channel_desc_pic_format = choice(encoders, "venc", "pic_format", "fmt", FORMATS)


def _numbers(kind: Any) -> dict[str, Callable[..., Any]]:
    """Setters and getters of plain numbers, by their names."""
    found: dict[str, Callable[..., Any]] = {}
    names = {
        "thread_id": "thread_id",
        "pic_width": "width",
        "pic_height": "height",
        "key_frame_interval": "key_frame_interval",
        "buf_addr": "buf_addr",
        "buf_size": "buf_size",
        "max_bit_rate": "max_bit_rate",
        "rc_mode": "rc_mode",
        "src_rate": "src_rate",
    }
    for name, attribute in names.items():
        found[f"venc_set_channel_desc_{name}"] = setter(kind, "venc", name, attribute)
    names |= {"channel_id": "channel_id", "entype": "entype", "pic_format": "fmt"}
    for name, attribute in names.items():
        found[f"venc_get_channel_desc_{name}"] = getter(kind, "venc", name, attribute)
    return found


NUMBERS = _numbers(encoders)


@plain(None)
def venc_get_channel_desc_callback(channel_desc: int) -> Callable[..., Any] | None:
    """What is called for each piece of the stream."""
    return encoders.get(channel_desc).callback


@status
def venc_create_channel(channel_desc: int) -> None:
    """Open an encoder: `ret`. Codes: 100000 no thread, callback or size, or open; 107002, 200006 no codec."""
    found = encoders.get(channel_desc)
    device()
    for name, length in (("width", found.width), ("height", found.height)):
        if not SMALLEST <= length <= LARGEST or length % 2:
            raise AclError(
                PARAM, f"the {name} is {length}; set an even one from {SMALLEST} to {LARGEST} first"
            )
    found.open(_codec(found))


def _codec(found: Encoder) -> Any:
    """The encoder for a channel's settings: no frame waits for a later one."""
    from fractions import Fraction

    codec = new_codec(ENCODERS[found.entype], "w")
    codec.width, codec.height, codec.pix_fmt = found.width, found.height, "yuv420p"
    rate = found.src_rate or 25
    codec.time_base, codec.framerate = Fraction(1, rate), Fraction(rate)
    codec.gop_size = found.key_frame_interval or rate
    if found.max_bit_rate:
        codec.bit_rate = found.max_bit_rate * 1000
    options = {"tune": "zerolatency", "preset": "ultrafast", "profile": PROFILES[found.entype]}
    if found.entype == 0:
        options |= {"x265-params": "log-level=none:pools=none:frame-threads=1"}
    codec.options = options
    return codec


@status
def venc_destroy_channel(channel_desc: int) -> None:
    """Finish what was sent, call it back, and close: `ret`. Codes: 100000 not open, 507012 no report."""
    found = encoders.get(channel_desc)
    found.close(found.end)


@status
def venc_send_frame(channel_desc: int, input: int, reserve: int, config: int, user_data: Any) -> None:  # noqa: A002 - the real name
    """Encode a picture: `ret`; the callback gets (input, stream description, user_data) when it is done.

    The stream description and its memory end with the call back. Codes: 100000, 107000.

    Args:
        channel_desc: an open channel.
        input: a picture description with memory; size and format are the channel's. 0 with eos ends it.
        reserve: 0.
        config: settings of the frame; 0 for none.
        user_data: anything.
    """
    found = encoders.get(channel_desc)
    found.need_stream()
    integer("reserve", reserve)
    settings = configs.get(config) if config else FrameConfig()
    if settings.eos and not input:
        found.send("", 0, found.end)
        return
    sent = pics.get(input)
    alignment = pictures.rules(npusim.node().settings.chip.soc)
    stride = -(-found.width // alignment.width) * alignment.width
    picture = Picture(sent.data, sent.size, found.fmt, found.width, found.height, stride, found.height)
    if picture.size < picture.needed:
        raise AclError(
            PARAM, f"the picture has {picture.size} bytes; the channel's size needs {picture.needed}"
        )
    view = space.device_view(picture.data, picture.needed, "input")
    intra = bool(settings.force_i_frame)

    def work() -> None:
        found.pending.append((input, user_data))
        found.take(picture, view, intra=intra)

    found.send("VENC", found.width * found.height, work)


# frames


@plain()
def venc_create_frame_config() -> int:
    """Settings of a frame: their handle."""
    return configs.add(FrameConfig())


@status
def venc_destroy_frame_config(frame_config: int) -> None:
    """End settings of a frame: `ret`. Codes: 100000."""
    configs.remove(frame_config)


@status
def venc_set_frame_config_force_i_frame(config: int, force_i_frame: int) -> None:
    """Whether a frame must be an intra frame: `ret`. Codes: 100000."""
    configs.get(config).force_i_frame = integer("force_i_frame", force_i_frame, least=0)


@status
def venc_set_frame_config_eos(config: int, eos: int) -> None:
    """Whether the stream ends here: `ret`. Codes: 100000."""
    configs.get(config).eos = integer("eos", eos, least=0)


@plain()
def venc_get_frame_config_force_i_frame(config: int) -> int:
    """Whether a frame must be an intra frame."""
    return configs.get(config).force_i_frame


@plain()
def venc_get_frame_config_eos(config: int) -> int:
    """Whether the stream ends here."""
    return configs.get(config).eos
