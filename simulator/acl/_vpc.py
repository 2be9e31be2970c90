"""VPC: cutting, scaling, pasting and converting pictures, one at a time or in batches.

Imitates the calls of pyACL's `acl.media` of that unit; their face is `acl.media`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import npusim
from npusim.media import media_batch, media_task

from acl import _pictures as pictures
from acl._calls import AclError, integer, plain, status, values
from acl._handles import Handles
from acl._media import Region, after_decoding, batches, need_channel, pics, regions, resizes
from acl._memory import space
from acl._pictures import PARAM, Picture
from acl._queue import queue
from acl._state import State, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    Planes = Sequence[np.ndarray[Any, Any]]

NEAREST = 2
PASTE_ALIGNMENT = 16
MOST_AREAS = 256
CONSTANT, REPLICATE, REFLECT, REFLECT_101 = range(4)
_PAD = {REPLICATE: "edge", REFLECT: "symmetric", REFLECT_101: "reflect"}


@dataclass
class Border:
    """What is put around a picture: pixels on each side, and of which kind."""

    kind: int = CONSTANT
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    values: tuple[int, ...] = (0, 0, 0, 0)


borders: Handles[Border] = Handles("border setting")
State.finalisers.append(borders.clear)


class Move(NamedTuple):
    """A checked piece of work.

    Attributes:
        pixels: of the larger one of what is read and written.
        run: does it.
        source: where what is read lies.
    """

    pixels: int
    run: Callable[[], None]
    source: int = 0


def _pair(
    input_desc: int, output_desc: int, widest: int = pictures.LARGEST
) -> tuple[Picture, Picture, memoryview, memoryview]:
    """Check input and output of a call."""
    found = pictures.rules(npusim.node().settings.chip.soc)
    source, target = pics.get(input_desc), pics.get(output_desc)
    source.check("the input", found, widest, widest)
    target.check("the output", found, tallest=found.tallest)
    return (
        source,
        target,
        space.device_view(source.data, source.needed, "input"),
        space.device_view(target.data, target.needed, "output"),
    )


def write_picture(picture: Picture, view: memoryview, made: Planes) -> None:
    """Put planes into a picture's memory."""
    for plane, new in zip(pictures.planes(picture, view), made, strict=True):
        plane[...] = new
    picture.ret_code = 0


def _cut(listed: Planes, box: tuple[int, int, int, int]) -> list[np.ndarray[Any, Any]]:
    """A rectangle of each plane; chroma at half the numbers."""
    left, top, width, height = box
    found = [listed[0][top : top + height, left : left + width]]
    if len(listed) > 1:
        half = listed[1][top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]
        found.append(half)
    return found


def scaled(listed: Planes, width: int, height: int, mode: int) -> list[np.ndarray[Any, Any]]:
    """Planes at another size."""
    sizes = [(height, width), (height // 2, width // 2)]
    change = pictures.nearest if mode == NEAREST else pictures.resize
    return [change(plane, *size) for plane, size in zip(listed, sizes, strict=False)]


def _move(
    input_desc: int,
    output_desc: int,
    crop: Region | None = None,
    paste: Region | None = None,
    mode: int = 0,
) -> Move:
    """Cut a region (or take all), scale it to a region of the output (or all of it), put it there."""
    only_resized = crop is None and paste is None
    largest = pictures.LARGEST_RESIZED if only_resized else pictures.LARGEST
    source, target, view, into = _pair(input_desc, output_desc, largest)
    whole = (0, 0, source.width, source.height), (0, 0, target.width, target.height)
    box = whole[0] if crop is None else crop.cut(source, "the crop region")
    place = whole[1] if paste is None else paste.cut(target, "the paste region")
    if place[0] % PASTE_ALIGNMENT and pictures.rules(npusim.node().settings.chip.soc).width > 1:
        raise AclError(
            PARAM, f"the paste region begins at column {place[0]}; it must be a multiple of {PASTE_ALIGNMENT}"
        )

    for side, before, after in zip(("width", "height"), box[2:], place[2:], strict=True):
        if after * pictures.LEAST_SCALE < before or after > before * pictures.MOST_SCALE:
            raise AclError(PARAM, f"the {side} goes from {before} to {after}; VPC scales by 1/32 to 16")

    def run() -> None:
        made = scaled(_cut(pictures.planes(source, view), box), place[2], place[3], mode)
        made = pictures.convert(made, source.fmt, target.fmt)
        for plane, new in zip(_cut(pictures.planes(target, into), place), made, strict=True):
            plane[...] = new
        target.ret_code = 0

    return Move(max(box[2] * box[3], place[2] * place[3]), run, source.data)


def _launch(stream: int, name: str, move: Move) -> None:
    found = stream_of(stream)
    after_decoding(found, move.source)
    media_task(found, name, move.pixels)
    queue.add(found, move.run)


# one picture


@status
def dvpp_vpc_resize_async(
    channel_desc: int, input_desc: int, output_desc: int, resize_config: int, stream: int
) -> None:
    """Resize a picture: `ret`. Codes: 100000 channel, format, size, stride; 107000, 107003."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    _launch(stream, "VPC_RESIZE", _move(input_desc, output_desc, mode=mode))


@status
def dvpp_vpc_crop_async(
    channel_desc: int, input_desc: int, output_desc: int, crop_area: int, stream: int
) -> None:
    """Cut a region and scale it to the output's size: `ret`; codes as `dvpp_vpc_resize_async`."""
    need_channel(channel_desc)
    _launch(stream, "VPC_CROP", _move(input_desc, output_desc, regions.get(crop_area)))


@status
def dvpp_vpc_crop_resize_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int, input_desc: int, output_desc: int, crop_area: int, resize_config: int, stream: int
) -> None:
    """`dvpp_vpc_crop_async` with an interpolation of one's choice: `ret`."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    _launch(stream, "VPC_CROP_RESIZE", _move(input_desc, output_desc, regions.get(crop_area), mode=mode))


@status
def dvpp_vpc_crop_and_paste_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int, input_desc: int, output_desc: int, crop_area: int, paste_area: int, stream: int
) -> None:
    """Cut a region, scale it to a region of the output, paste it there: `ret`; the rest stays."""
    need_channel(channel_desc)
    move = _move(input_desc, output_desc, regions.get(crop_area), regions.get(paste_area))
    _launch(stream, "VPC_CROP_AND_PASTE", move)


@status
def dvpp_vpc_crop_resize_paste_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int,
    input_desc: int,
    output_desc: int,
    crop_area: int,
    paste_area: int,
    resize_config: int,
    stream: int,
) -> None:
    """`dvpp_vpc_crop_and_paste_async` with an interpolation of one's choice: `ret`."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    move = _move(input_desc, output_desc, regions.get(crop_area), regions.get(paste_area), mode)
    _launch(stream, "VPC_CROP_RESIZE_PASTE", move)


@status
def dvpp_vpc_convert_color_async(channel_desc: int, input_desc: int, output_desc: int, stream: int) -> None:
    """Convert a picture's format, BT.601 full range: `ret`; codes as `dvpp_vpc_resize_async`."""
    need_channel(channel_desc)
    source, target, view, into = _pair(input_desc, output_desc)
    if (source.width, source.height) != (target.width, target.height):
        raise AclError(PARAM, "input and output have different sizes; resize with dvpp_vpc_resize_async")

    def run() -> None:
        made = pictures.convert(pictures.planes(source, view), source.fmt, target.fmt)
        write_picture(target, into, made)

    _launch(stream, "VPC_CVT_COLOR", Move(source.width * source.height, run, source.data))


# batches


def _areas(name: str, areas: Any) -> list[Any]:
    """A list of handles, as long as the real module takes it.

    Raises:
        TypeError, ValueError: as the real module raises them.
    """
    if not isinstance(areas, list):
        raise TypeError(f"{name} must be a list, not {type(areas).__name__}")
    if not 1 <= len(areas) <= MOST_AREAS:
        raise ValueError(f"{name} has {len(areas)} entries; 1 to {MOST_AREAS} are taken")
    return areas


def _batch(  # noqa: PLR0913, PLR0917 - what a batch call gives
    src_batch: int, roi_nums: list[int], dst_batch: int, crops: list[int], pastes: list[int] | None, mode: int
) -> list[Move]:
    """The pieces of a batch call: of each source as many regions as `roi_nums` says, in their order.

    Raises:
        AclError: the numbers do not fit together, or a piece is wrong (100000).
    """
    sources, targets = batches.get(src_batch).handles, batches.get(dst_batch).handles
    counts = [integer("roi_nums", n, least=0) for n in _areas("roi_nums", roi_nums)]
    total = sum(counts)
    if len(counts) != len(sources) or total != len(targets) or total != len(_areas("crop_areas", crops)):
        raise AclError(
            PARAM,
            f"{len(sources)} inputs, roi_nums {counts}, {len(crops)} regions and "
            f"{len(targets)} outputs do not fit",
        )
    if pastes is not None and len(_areas("paste_areas", pastes)) != total:
        raise ValueError(f"paste_areas has {len(pastes)} entries, crop_areas {total}")
    owners = [source for source, count in zip(sources, counts, strict=True) for _ in range(count)]
    places = [None] * total if pastes is None else [regions.get(paste) for paste in pastes]
    return [
        _move(source, target, regions.get(crop), place, mode)
        for source, target, crop, place in zip(owners, targets, crops, places, strict=True)
    ]


def _launch_batch(stream: int, name: str, moves: Sequence[Move]) -> None:
    """One task for all: the pieces are shared out to the chip's units."""
    found = stream_of(stream)
    for move in moves:
        after_decoding(found, move.source)
    media_batch(found, name, [move.pixels for move in moves])

    def run() -> None:
        for move in moves:
            move.run()

    queue.add(found, run)


@values(0)
def dvpp_vpc_batch_crop_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int, src_batch: int, roi_nums: list[int], dst_batch: int, crop_areas: list[int], stream: int
) -> int:
    """Cut regions of several pictures, each into an output of its own: `(dst_batch, ret)`.

    Args:
        channel_desc: an open channel.
        src_batch: the inputs.
        roi_nums: how many regions each input has.
        dst_batch: as many outputs as there are regions.
        crop_areas: the regions, input after input; 1 to 256.
        stream: the stream.
    """
    need_channel(channel_desc)
    _launch_batch(stream, "VPC_BATCH_CROP", _batch(src_batch, roi_nums, dst_batch, crop_areas, None, 0))
    return dst_batch


@values(0)
def dvpp_vpc_batch_crop_resize_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int,
    src_batch: int,
    roi_nums: list[int],
    dst_batch: int,
    crop_areas: list[int],
    resize_config: int,
    stream: int,
) -> int:
    """`dvpp_vpc_batch_crop_async` with an interpolation of one's choice: `(dst_batch, ret)`."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    moves = _batch(src_batch, roi_nums, dst_batch, crop_areas, None, mode)
    _launch_batch(stream, "VPC_BATCH_CROP_RESIZE", moves)
    return dst_batch


@values(0)
def dvpp_vpc_batch_crop_and_paste_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int,
    src_batch: int,
    roi_nums: list[int],
    dst_batch: int,
    crop_areas: list[int],
    paste_areas: list[int],
    stream: int,
) -> int:
    """Cut regions of several pictures and paste each into its output: `(dst_batch, ret)`."""
    need_channel(channel_desc)
    moves = _batch(src_batch, roi_nums, dst_batch, crop_areas, paste_areas, 0)
    _launch_batch(stream, "VPC_BATCH_CROP_AND_PASTE", moves)
    return dst_batch


@values(0)
def dvpp_vpc_batch_crop_resize_paste_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int,
    src_batch: int,
    roi_nums: list[int],
    dst_batch: int,
    crop_areas: list[int],
    paste_areas: list[int],
    resize_config: int,
    stream: int,
) -> int:
    """`dvpp_vpc_batch_crop_and_paste_async` with an interpolation of one's choice: `(dst_batch, ret)`."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    moves = _batch(src_batch, roi_nums, dst_batch, crop_areas, paste_areas, mode)
    _launch_batch(stream, "VPC_BATCH_CROP_RESIZE_PASTE", moves)
    return dst_batch


# borders


@plain()
def dvpp_create_border_config() -> int:
    """Settings of a border, none at first: their handle."""
    return borders.add(Border())


@status
def dvpp_destroy_border_config(border_config: int) -> None:
    """End settings of a border: `ret`. Codes: 100000."""
    borders.remove(border_config)


@status
def dvpp_set_border_config_border_type(border_config: int, border_type: int) -> None:
    """Choose the kind: 0 constant, 1 the edge repeated, 2 and 3 mirrored: `ret`. Codes: 100000."""
    if integer("border_type", border_type) not in range(4):
        raise AclError(PARAM, f"border_type is {border_type}; give 0 (constant) to 3 (mirrored)")
    borders.get(border_config).kind = border_type


@status
def dvpp_set_border_config_value(border_config: int, index: int, value: float) -> None:
    """The value of a constant border in a channel: `ret`. Codes: 100000."""
    found = borders.get(border_config)
    if integer("index", index) not in range(4) or not 0 <= value <= 255:  # noqa: PLR2004 - a byte
        raise AclError(PARAM, f"index {index} and value {value}; give 0 to 3 and 0 to 255")
    listed = list(found.values)
    listed[index] = int(value)
    found.values = tuple(listed)


def _setter(side: str) -> Callable[[int, int], int]:
    def change(border_config: int, pixels: int) -> None:
        setattr(borders.get(border_config), side, integer(side, pixels, least=0))

    change.__name__ = f"dvpp_set_border_config_{side}"
    change.__doc__ = f"How many pixels a border has at the {side}: `ret`. Codes: 100000."
    return status(change)


def _getter(name: str, attribute: str) -> Callable[[int], Any]:
    def tell(border_config: int) -> int:
        return int(getattr(borders.get(border_config), attribute))

    tell.__name__ = f"dvpp_get_border_config_{name}"
    tell.__doc__ = f"The {name} of a border."
    return plain()(tell)


dvpp_set_border_config_top = _setter("top")
dvpp_set_border_config_bottom = _setter("bottom")
dvpp_set_border_config_left = _setter("left")
dvpp_set_border_config_right = _setter("right")
dvpp_get_border_config_top = _getter("top", "top")
dvpp_get_border_config_bottom = _getter("bottom", "bottom")
dvpp_get_border_config_left = _getter("left", "left")
dvpp_get_border_config_right = _getter("right", "right")
dvpp_get_border_config_border_type = _getter("border_type", "kind")


@plain()
def dvpp_get_border_config_value(border_config: int, index: int) -> int:
    """The value of a constant border in a channel."""
    if integer("index", index) not in range(4):
        raise AclError(PARAM, f"index is {index}; give 0 to 3")
    return borders.get(border_config).values[index]


@values(0)
def dvpp_vpc_batch_crop_resize_make_border_async(  # noqa: PLR0913, PLR0917 - as the real one
    channel_desc: int,
    src_batch: int,
    roi_nums: list[int],
    dst_batch: int,
    crop_areas: list[int],
    border_configs: list[int],
    resize_config: int,
    stream: int,
) -> int:
    """Cut regions, scale each into its output within a border, draw the border: `(dst_batch, ret)`."""
    need_channel(channel_desc)
    mode = resizes.get(resize_config).mode
    listed = [borders.get(border) for border in _areas("border_configs", border_configs)]
    targets = batches.get(dst_batch).handles
    if len(listed) != len(targets):
        raise AclError(PARAM, f"{len(listed)} borders were given for {len(targets)} outputs")
    inner = [_inner(pics.get(target), border) for target, border in zip(targets, listed, strict=True)]
    places = [regions.add(region) for region in inner]
    try:
        moves = _batch(src_batch, roi_nums, dst_batch, crop_areas, places, mode)
    finally:
        for place in places:
            regions.remove(place)
    edged = [
        Move(move.pixels, _bordered(move, pics.get(target), border), move.source)
        for move, target, border in zip(moves, targets, listed, strict=True)
    ]
    _launch_batch(stream, "VPC_BATCH_CROP_RESIZE_MAKE_BORDER", edged)
    return dst_batch


def _inner(picture: Picture, border: Border) -> Region:
    """What a border leaves of a picture."""
    return Region(
        border.left, picture.width - border.right - 1, border.top, picture.height - border.bottom - 1
    )


def _bordered(move: Move, picture: Picture, border: Border) -> Callable[[], None]:
    """A piece of work, and then the border around it."""
    view = space.device_view(picture.data, picture.needed, "output")

    def run() -> None:
        import numpy as np

        move.run()
        for number, plane in enumerate(pictures.planes(picture, view)):
            half = 2 if number else 1
            top, bottom, left, right = (
                n // half for n in (border.top, border.bottom, border.left, border.right)
            )
            inside = plane[top : plane.shape[0] - bottom, left : plane.shape[1] - right].copy()
            sides = [(top, bottom), (left, right), (0, 0)][: plane.ndim]
            if border.kind == CONSTANT:
                first = number  # chroma's channels follow luma's
                colour = border.values[first : first + (plane.shape[2] if plane.ndim > 2 else 1)]  # noqa: PLR2004
                plane[...] = np.array(colour, np.uint8)
                plane[top : plane.shape[0] - bottom, left : plane.shape[1] - right] = inside
            else:
                plane[...] = np.pad(inside, sides, mode=_PAD[border.kind])  # type: ignore[call-overload]

    return run
