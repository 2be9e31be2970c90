"""PNGD: decoding PNG files into RGB pictures; the face is `acl.media`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import npusim
from npusim.media import media_task

from acl import _pictures as pictures
from acl._calls import AclError, integer, status, values
from acl._media import need_channel, pics
from acl._memory import space
from acl._pictures import PARAM, RGB888
from acl._queue import queue
from acl._state import stream_of
from acl._vpc import write_picture

if TYPE_CHECKING:
    from npusim import Stream

UNKNOWN = 0  # an output format: as the file has it
UNSUPPORTED = 200006


def _open_png(data: bytes) -> Any:
    """A PNG file, its header read.

    Raises:
        AclError: it is none (100000), or has transparency or more than 8 bits (200006).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        found = Image.open(io.BytesIO(data), formats=["PNG"])
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise AclError(PARAM, f"the {len(data)} bytes are no PNG file; give a whole one") from None
    if found.mode not in {"RGB", "L", "P", "1"}:
        raise AclError(
            UNSUPPORTED, f"a PNG of mode {found.mode} is not simulated; save it as RGB or grey with 8 bits"
        )
    return found


def _file(data: int, size: int) -> bytes:
    return space.read(integer("data", data), integer("size", size, least=1), "data")


def _stride(width: int, height: int) -> tuple[int, int]:
    """Width stride in bytes and height stride of the RGB888 picture, aligned where VPC aligns."""
    if pictures.rules(npusim.node().settings.chip.soc).width == 1:
        return width * 3, height
    return -(-width // 128) * 128 * 3, -(-height // 16) * 16


def _output(output_format: int) -> None:
    if integer("output_format", output_format) not in (UNKNOWN, RGB888):
        raise AclError(PARAM, f"output_format is {output_format}; give 12 (RGB888)")


@values(0, 0, 0)
def dvpp_png_get_image_info(data: int, size: int) -> tuple[int, int, int]:
    """Of a PNG: `(width, height, components, ret)`. Codes: 100000 no PNG, 200006."""
    found = _open_png(_file(data, size))
    return found.width, found.height, len(found.getbands())


@values(0)
def dvpp_png_predict_dec_size(data: int, size: int, output_format: int) -> int:
    """Bytes that decoding a PNG needs, strides included: `(size, ret)`. Codes: 100000, 200006."""
    found = _open_png(_file(data, size))
    _output(output_format)
    stride, rows = _stride(found.width, found.height)
    return stride * rows


@status
def dvpp_png_decode_async(channel_desc: int, data: int, size: int, output_desc: int, stream: int) -> None:
    """Decode a PNG from device memory into an RGB888 picture: `ret`. Codes: 100000, 107000, 200006."""
    need_channel(channel_desc)
    target: Stream = stream_of(stream)
    picture = pics.get(output_desc)
    source = bytes(space.device_view(integer("data", data), integer("size", size, least=1), "data"))
    png = _open_png(source)
    _output(picture.fmt)
    picture.fmt = RGB888
    picture.width, picture.height = png.width, png.height
    picture.width_stride, picture.height_stride = _stride(png.width, png.height)
    if picture.size < picture.needed:
        raise AclError(
            PARAM, f"the output has {picture.size} bytes; the decoded picture needs {picture.needed}"
        )
    view = space.device_view(picture.data, picture.needed, "output")
    media_task(target, "PNGD", png.width * png.height)

    def run() -> None:
        import numpy as np

        try:
            rgb = np.asarray(png.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            picture.ret_code = PARAM
            target.fail("PNG data are damaged", code=507018, task="PNGD")
            return
        write_picture(picture, view, [rgb])

    queue.add(target, run)
