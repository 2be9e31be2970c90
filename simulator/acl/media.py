"""`acl.media`: pictures and video on the media units (DVPP, V1 interfaces).

Imitates pyACL's `acl.media` of CANN 8. Here are memory, channels, descriptions and JPEG; `_vpc`, `_png`,
`_vdec` and `_venc` hold the other units.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import npusim
from npusim.media import media_task

from acl import _pictures as pictures
from acl import _png, _stream_desc, _vdec, _venc, _vpc
from acl._calls import AclError, integer, plain, status, values
from acl._media import (
    Batch,
    Channel,
    Interpolation,
    Quality,
    Region,
    batches,
    channels,
    need_channel,
    pics,
    qualities,
    regions,
    resizes,
)
from acl._memory import DVPP, space
from acl._pictures import FORMATS, NV12, PARAM, Picture
from acl._queue import queue
from acl._state import device, stream_of
from acl._vpc import (
    write_picture,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

UNSUPPORTED_JPEG = 148052
LEVELS = range(101)
MOST_PICTURES = 256
GREY_SAMPLING, OTHER_SAMPLING = 3, 1000


# memory


@values(0)
def dvpp_malloc(size: int) -> int:
    """Device memory for the media unit: `(ptr, ret)`. Codes: 107000, 107002, 207001."""
    return space.malloc(device(), integer("size", size), DVPP)


@status
def dvpp_free(ptr: int) -> None:
    """Give media memory back: `ret`. Codes: 107000."""
    queue.drain()
    space.free(integer("ptr", ptr), kinds=(DVPP,))


# channels


@plain()
def dvpp_create_channel_desc() -> int:
    """A channel description: its handle."""
    return channels.add(Channel())


@status
def dvpp_destroy_channel_desc(channel_desc: int) -> None:
    """End a channel description: `ret`. Codes: 100000."""
    channels.remove(channel_desc)


@status
def dvpp_set_channel_desc_mode(channel_desc: int, mode: int) -> None:
    """Choose what a channel is for (1 VPC, 2 JPEGD, 4 JPEGE, summed): `ret`."""
    channels.get(channel_desc).mode = integer("mode", mode, least=0)


@status
def dvpp_create_channel(channel_desc: int) -> None:
    """Open a channel: `ret`. Codes: 100000, 107002."""
    device()
    channels.get(channel_desc).open = True


@status
def dvpp_destroy_channel(channel_desc: int) -> None:
    """Close a channel: `ret`. Codes: 100000 no description, or not open."""
    found = channels.get(channel_desc)
    if not found.open:
        raise AclError(PARAM, "the channel is not open; destroy each once")
    found.open = False


# picture descriptions


@plain()
def dvpp_create_pic_desc() -> int:
    """A picture description: its handle."""
    return pics.add(Picture())


@status
def dvpp_destroy_pic_desc(pic_desc: int) -> None:
    """End a picture description; its memory stays: `ret`. Codes: 100000."""
    pics.remove(pic_desc)


def _setter(name: str, meaning: str) -> Callable[[int, int], int]:
    @status
    def call(pic_desc: int, value: int) -> None:
        setattr(pics.get(pic_desc), name, integer(name, value, least=0))

    call.__name__ = f"dvpp_set_pic_desc_{name}"
    call.__doc__ = f"Set {meaning} of a picture description: `ret`. Codes: 100000."
    return call


def _getter(name: str, meaning: str) -> Callable[[int], int]:
    @plain()
    def call(pic_desc: int) -> int:
        return int(getattr(pics.get(pic_desc), name))

    call.__name__ = f"dvpp_get_pic_desc_{name}"
    call.__doc__ = f"{meaning.capitalize()} of a picture description."
    return call


dvpp_set_pic_desc_data = _setter("data", "the memory")
dvpp_set_pic_desc_size = _setter("size", "the bytes")
dvpp_set_pic_desc_format = _setter("fmt", "the format")
dvpp_set_pic_desc_width = _setter("width", "the width")
dvpp_set_pic_desc_height = _setter("height", "the height")
dvpp_set_pic_desc_width_stride = _setter("width_stride", "the width stride")
dvpp_set_pic_desc_height_stride = _setter("height_stride", "the height stride")
dvpp_set_pic_desc_ret_code = _setter("ret_code", "the return code")
dvpp_get_pic_desc_data = _getter("data", "the memory")
dvpp_get_pic_desc_size = _getter("size", "the bytes")
dvpp_get_pic_desc_format = _getter("fmt", "the format")
dvpp_get_pic_desc_width = _getter("width", "the width")
dvpp_get_pic_desc_height = _getter("height", "the height")
dvpp_get_pic_desc_width_stride = _getter("width_stride", "the width stride")
dvpp_get_pic_desc_height_stride = _getter("height_stride", "the height stride")
dvpp_get_pic_desc_ret_code = _getter("ret_code", "the return code")


@plain()
def dvpp_create_batch_pic_desc(batch_size: int) -> int:
    """A batch of picture descriptions: its handle."""
    count = integer("batch_size", batch_size, least=1)
    if count > MOST_PICTURES:
        raise AclError(PARAM, f"batch_size is {count}; give 1 to {MOST_PICTURES}")
    return batches.add(Batch([pics.add(Picture()) for _ in range(count)]))


@status
def dvpp_destroy_batch_pic_desc(batch_pic_desc: int) -> None:
    """End a batch and its descriptions: `ret`. Codes: 100000."""
    for handle in batches.remove(batch_pic_desc).handles:
        pics.remove(handle)


@plain()
def dvpp_get_pic_desc(batch_pic_desc: int, index: int) -> int:
    """A description of a batch; 0 where there is none of that index."""
    found = batches.get(batch_pic_desc).handles
    if not 0 <= integer("index", index) < len(found):
        raise AclError(PARAM, f"index is {index}; the batch has {len(found)} pictures")
    return found[index]


# settings


@plain()
def dvpp_create_roi_config(left: int, right: int, top: int, bottom: int) -> int:
    """A region: its handle. Left and top are even, right and bottom odd, all are included."""
    return regions.add(Region(*(integer("side", side, least=0) for side in (left, right, top, bottom))))


@status
def dvpp_set_roi_config(config: int, left: int, right: int, top: int, bottom: int) -> None:
    """Change a region: `ret`. Codes: 100000."""
    found = regions.get(config)
    found.left, found.right, found.top, found.bottom = (
        integer("side", s, least=0) for s in (left, right, top, bottom)
    )


def _side(side: str) -> Callable[[int, int], int]:
    def change(config: int, pixels: int) -> None:
        setattr(regions.get(config), side, integer(side, pixels, least=0))

    change.__name__ = f"dvpp_set_roi_config_{side}"
    change.__doc__ = f"Change the {side} side of a region: `ret`. Codes: 100000."
    return status(change)


dvpp_set_roi_config_left = _side("left")
dvpp_set_roi_config_right = _side("right")
dvpp_set_roi_config_top = _side("top")
dvpp_set_roi_config_bottom = _side("bottom")


@status
def dvpp_destroy_roi_config(roi_config: int) -> None:
    """End a region: `ret`. Codes: 100000."""
    regions.remove(roi_config)


@plain()
def dvpp_create_resize_config() -> int:
    """Settings of resizing: their handle."""
    return resizes.add(Interpolation())


@status
def dvpp_set_resize_config_interpolation(resize_config: int, interpolation: int) -> None:
    """Choose the interpolation, 0 or 1 bilinear, 2 nearest neighbour: `ret`. Codes: 100000."""
    found = resizes.get(resize_config)
    if integer("interpolation", interpolation) not in range(3):
        raise AclError(
            PARAM, f"interpolation is {interpolation}; give 0 or 1 (bilinear) or 2 (nearest neighbour)"
        )
    found.mode = interpolation


@plain()
def dvpp_get_resize_config_interpolation(resize_config: int) -> int:
    """The interpolation."""
    return resizes.get(resize_config).mode


@status
def dvpp_destroy_resize_config(resize_config: int) -> None:
    """End settings of resizing: `ret`. Codes: 100000."""
    resizes.remove(resize_config)


@plain()
def dvpp_create_jpege_config() -> int:
    """Settings of JPEG encoding: their handle."""
    return qualities.add(Quality())


@status
def dvpp_set_jpege_config_level(jpege_config: int, level: int) -> None:
    """The quality, 1 (least) to 100, 0 as 100: `ret`. Codes: 100000."""
    if integer("level", level) not in LEVELS:
        raise AclError(PARAM, f"level is {level}; give 0 to 100")
    qualities.get(jpege_config).level = level or 100


@plain()
def dvpp_get_jpege_config_level(jpege_config: int) -> int:
    """The quality."""
    return qualities.get(jpege_config).level


@status
def dvpp_destroy_jpege_config(jpege_config: int) -> None:
    """End settings of JPEG encoding: `ret`. Codes: 100000."""
    qualities.remove(jpege_config)


# JPEG


def _open_jpeg(data: bytes) -> Any:
    """A JPEG file, its header read.

    Raises:
        AclError: it is none that the unit decodes (148052).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        found = Image.open(io.BytesIO(data))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise AclError(
            UNSUPPORTED_JPEG, f"the {len(data)} bytes are no JPEG file; give a whole one"
        ) from None
    if found.format != "JPEG" or found.mode not in {"RGB", "L", "YCbCr"}:
        raise AclError(
            UNSUPPORTED_JPEG, f"a {found.format} picture of mode {found.mode} cannot be decoded; JPEG only"
        )
    if getattr(found, "info", {}).get("progressive"):
        raise AclError(UNSUPPORTED_JPEG, "the JPEG is progressive; the unit decodes baseline JPEG only")
    return found


def _file(ptr: int, size: int) -> bytes:
    """The bytes of a file, on the host or on the device."""
    return space.read(integer("data", ptr), integer("size", size, least=1), "data")


def _aligned(width: int, height: int) -> tuple[int, int]:
    found = pictures.rules(npusim.node().settings.chip.soc)
    return (
        -(-width // found.jpeg_width) * found.jpeg_width,
        -(-height // found.jpeg_height) * found.jpeg_height,
    )


@values(0, 0, 0)
def dvpp_jpeg_get_image_info(data: int, size: int) -> tuple[int, int, int]:
    """Of a JPEG in host memory: `(width, height, components, ret)`. Codes: 148052 no JPEG."""
    found = _open_jpeg(_file(data, size))
    return found.width, found.height, len(found.getbands())


@values(0, 0, 0, 0)
def dvpp_jpeg_get_image_info_v2(data: int, size: int) -> tuple[int, int, int, int]:
    """`dvpp_jpeg_get_image_info` with the sampling: `(width, height, components, sampling, ret)`.

    The sampling is 0 4:4:4, 1 4:2:2, 2 4:2:0, 3 grey, 1000 another. Codes: 148052.
    """
    from PIL.JpegImagePlugin import get_sampling

    found = _open_jpeg(_file(data, size))
    components = len(found.getbands())
    known = get_sampling(found)
    return (
        found.width,
        found.height,
        components,
        GREY_SAMPLING if components == 1 else known if known >= 0 else OTHER_SAMPLING,
    )


@values(0)
def dvpp_jpeg_predict_dec_size(data: int, size: int, output_format: int) -> int:
    """Bytes that decoding a JPEG needs, strides included: `(size, ret)`. Codes: 148052, 100000."""
    found = _open_jpeg(_file(data, size))
    kind = FORMATS.get(integer("output_format", output_format))
    if kind is None:
        raise AclError(PARAM, f"output_format is {output_format}; give 1 (YUV420SP NV12)")
    width, height = _aligned(found.width, found.height)
    plane = width * height * kind.channels
    return plane * 3 // 2 if kind.chroma else plane


@status
def dvpp_jpeg_decode_async(channel_desc: int, data: int, size: int, output_desc: int, stream: int) -> None:
    """Decode a JPEG from device memory into a picture: `ret`. Codes: 100000, 148052, 107000, 107003.

    Width, height and strides of the picture are filled in when the stream is done.
    """
    need_channel(channel_desc)
    found = stream_of(stream)
    picture = pics.get(output_desc)
    there = space.device_view(integer("data", data), integer("size", size, least=1), "data")
    jpeg = _open_jpeg(queue.coming(found, data, size) or bytes(there))  # its copy may be on the stream still
    if picture.fmt not in FORMATS:
        raise AclError(PARAM, f"format {picture.fmt} is not simulated; use 1 (YUV420SP NV12)")
    width, height = jpeg.width // 2 * 2, jpeg.height // 2 * 2
    picture.width, picture.height = width, height
    picture.width_stride, picture.height_stride = _aligned(jpeg.width, jpeg.height)
    picture.width_stride *= FORMATS[picture.fmt].channels
    if picture.size < picture.needed:
        raise AclError(
            PARAM, f"the output has {picture.size} bytes; the decoded picture needs {picture.needed}"
        )
    view = space.device_view(picture.data, picture.needed, "output")
    media_task(found, "JPEGD", jpeg.width * jpeg.height)

    def run() -> None:
        import numpy as np

        jpeg.draft("YCbCr", None)
        try:
            ycc = np.asarray(jpeg.convert("YCbCr"))
        except (OSError, SyntaxError, ValueError):
            picture.ret_code = UNSUPPORTED_JPEG
            found.fail("JPEG data are damaged", code=507018, task="JPEGD")
            return
        made = pictures.convert(pictures.to_nv12(ycc), NV12, picture.fmt)
        write_picture(picture, view, made)

    queue.add(found, run)


@values(0)
def dvpp_jpeg_predict_enc_size(input_desc: int, config: int) -> int:
    """Bytes that encoding a picture may need: `(size, ret)`. Codes: 100000.

    Noise at the best quality takes 1.75 bytes for each one of the picture, so twice its size always does.
    """
    qualities.get(config)
    picture = pics.get(input_desc)
    return picture.width_stride * picture.height_stride * 3 + 4096


@status
def dvpp_jpeg_encode_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int, input_desc: int, data: int, size: np.ndarray[Any, Any] | int, config: int, stream: int
) -> None:
    """Encode a picture into JPEG: `ret`. Codes: 100000, 107000, 107003.

    Args:
        channel_desc: an open channel.
        input_desc: the picture.
        data: media memory for the JPEG.
        size: an array of one uint32, or its pointer: the bytes there, then, when the stream is done, those
            of the JPEG.
        config: settings.
        stream: the stream.
    """
    need_channel(channel_desc)
    found = stream_of(stream)
    picture = pics.get(input_desc)
    picture.check_encoded()
    quality = qualities.get(config)
    counter = _counter(size)
    room = int.from_bytes(bytes(counter), "little")
    view = space.device_view(integer("data", data), room, "data")
    source = space.device_view(picture.data, picture.needed, "input")
    media_task(found, "JPEGE", picture.width * picture.height)

    def run() -> None:
        from PIL import Image

        listed = pictures.convert(pictures.planes(picture, source), picture.fmt, NV12)
        out = io.BytesIO()
        Image.fromarray(pictures.from_nv12(listed), "YCbCr").save(
            out, "JPEG", quality=quality.level, subsampling=2
        )
        made = out.getvalue()
        if len(made) > room:
            found.fail(f"the JPEG has {len(made)} bytes, the memory {room}", code=507018, task="JPEGE")
            return
        view[: len(made)] = made
        counter[:] = len(made).to_bytes(4, "little")

    queue.add(found, run)


def _counter(size: Any) -> memoryview:
    if hasattr(size, "__array_interface__"):
        return memoryview(size).cast("B")[:4]
    return space.host_view(integer("size", size), 4, "size")


for _unit in (_png, _stream_desc, _vdec, _venc, _vpc):
    globals().update(
        {name: call for name, call in vars(_unit).items() if name.startswith(("dvpp_", "vdec_", "venc_"))}
    )
    globals().update(getattr(_unit, "NUMBERS", {}))


def __getattr__(name: str) -> Any:
    if name.startswith(
        ("dvpp_vpc_pyr", "dvpp_vpc_calc", "dvpp_vpc_equalize", "dvpp_create_hist", "dvpp_create_lut")
    ):
        raise AttributeError(
            f"acl.media.{name} (histograms, pyramids) is not simulated; compute it on the host"
        )
    raise AttributeError(f"module 'acl.media' has no attribute {name!r}")
