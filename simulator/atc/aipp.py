"""AIPP settings (`--insert_op_conf`): what happens to a picture before the first operator.

The file has the form of protobuf's text format, one `aipp_op { ... }` an input. Source: ATC's guide, "AIPP
configuration"; its defaults are used here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atc.errors import AtcError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# format: (bytes a pixel times 2, channels after conversion)
FORMATS = {
    "YUV420SP_U8": (3, 3),
    "RGB888_U8": (6, 3),
    "XRGB8888_U8": (8, 3),
    "YUV400_U8": (2, 1),
}
_WHOLE = {
    "related_input_rank": 0,
    "max_src_image_size": 0,
    "src_image_size_w": 0,
    "src_image_size_h": 0,
    "load_start_pos_w": 0,
    "load_start_pos_h": 0,
    "crop_size_w": 0,
    "crop_size_h": 0,
    "left_padding_size": 0,
    "right_padding_size": 0,
    "top_padding_size": 0,
    "bottom_padding_size": 0,
    "padding_value": 0,
    **{f"matrix_r{r}c{c}": 256 * (r == c) for r in range(3) for c in range(3)},
    **{f"input_bias_{i}": 0 for i in range(3)},
    **{f"output_bias_{i}": 0 for i in range(3)},
    **{f"mean_chn_{i}": 0 for i in range(4)},
}
_REAL = {**{f"min_chn_{i}": 0.0 for i in range(4)}, **{f"var_reci_chn_{i}": 1.0 for i in range(4)}}
_SWITCHES = {
    "csc_switch": False,
    "rbuv_swap_switch": False,
    "ax_swap_switch": False,
    "crop": False,
    "padding": False,
}
_TOKEN = re.compile(r"#[^\n]*|\s+|(\w+)\s*:\s*(-?[\w.]+)|(\w+)\s*(\{)|(\})")
LARGEST = 2**31
MODES = ("static", "dynamic")
DYNAMIC_NAME = "ascend_dynamic_aipp_data"
HEAD_BYTES, PICTURE_BYTES = 64, 96  # of the parameters that are set when the model runs


def _fail(path: Path, reason: str) -> AtcError:
    return AtcError(
        "E10052", f"AIPP configuration [{path}] is invalid. Reason: {reason}", "Correct the file."
    )


def read(path: Path) -> list[dict[str, Any]]:
    """Read a file of AIPP settings.

    Returns:
        One dictionary an `aipp_op`, every setting in it.

    Raises:
        AtcError: it cannot be read, or a setting is unknown or has a value that it does not take (E10052).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _fail(path, f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    found: list[dict[str, Any]] = []
    inside = False
    for name, value, block, end in _tokens(path, text):
        if block:
            if block != "aipp_op" or inside:
                raise _fail(path, f"'{block} {{' stands where 'aipp_op {{' belongs")
            inside = True
            found.append({**_WHOLE, **_REAL, **_SWITCHES, "aipp_mode": "", "input_format": ""})
        elif end:
            inside = False
        elif name and not inside:
            raise _fail(path, f"'{name}' stands outside of aipp_op {{ }}")
        elif name:
            found[-1][name] = _value(path, name, value)
    if inside or not found:
        raise _fail(path, "a closing brace is missing" if inside else "it has no aipp_op { }")
    for settings in found:
        _check(path, settings)
    return found


def _tokens(path: Path, text: str) -> Iterator[tuple[str, str, str, str]]:
    """Name and value, or a block's name, or a closing brace; the others of the four are empty."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _fail(path, f"'{text[at : at + 20].splitlines()[0]}' is not understood")
        at = match.end()
        name, value, block, _, end = match.groups(default="")
        yield name, value, block, end


def _value(path: Path, name: str, value: str) -> Any:
    try:
        if name in _WHOLE:
            return int(value)
        if name in _REAL:
            return float(value)
    except ValueError:
        raise _fail(path, f"'{name}: {value}' is no number") from None
    if name in _SWITCHES:
        if value not in {"true", "false"}:
            raise _fail(path, f"'{name}: {value}' is neither true nor false")
        return value == "true"
    if name in {"aipp_mode", "input_format"}:
        return value
    raise _fail(path, f"'{name}' is no setting of AIPP that is simulated")


def _check(path: Path, settings: dict[str, Any]) -> None:
    if settings["aipp_mode"] not in MODES:
        raise _fail(path, f"aipp_mode [{settings['aipp_mode']}] is none of {', '.join(MODES)}")
    if settings["aipp_mode"] == "dynamic":
        if not 0 < settings["max_src_image_size"] < LARGEST:
            raise _fail(path, "max_src_image_size is missing; dynamic AIPP needs the largest picture's bytes")
        return
    if settings["input_format"] not in FORMATS:
        raise _fail(path, f"input_format [{settings['input_format']}] is none of {', '.join(FORMATS)}")
    yuv = settings["input_format"] == "YUV420SP_U8"
    numbers = ("src_image_size_w", "src_image_size_h", "load_start_pos_w", "load_start_pos_h", "crop_size_w")
    if yuv and any(settings[name] % 2 for name in (*numbers, "crop_size_h")):
        raise _fail(path, "sizes and positions of YUV420SP_U8 must be even")
    if min(settings[name] for name in _WHOLE if name.endswith(("_w", "_h", "_size"))) < 0:
        raise _fail(path, "a size or position is negative")


def fit_dynamic(path: Path, settings: dict[str, Any], shape: tuple[int, ...], fmt: str) -> dict[str, Any]:
    """Complete settings of AIPP that is set when the model runs.

    Args:
        path: for messages.
        settings: one `aipp_op` of mode dynamic.
        shape: the input's, in the largest gear.
        fmt: NCHW or NHWC.

    Returns:
        The settings with "shape": channels, height and width that the model takes.

    Raises:
        AtcError: the input holds no pictures (E10052).
    """
    if len(shape) != 4:  # noqa: PLR2004 - pictures
        raise _fail(path, f"the model's input has the shape {list(shape)}; AIPP works on pictures")
    return settings | {"shape": [*shape[1:]] if fmt == "NCHW" else [shape[3], *shape[1:3]]}


def fit(path: Path, settings: dict[str, Any], shape: tuple[int, ...], fmt: str) -> dict[str, Any]:
    """Complete settings for an input of the model.

    Args:
        path: for messages.
        settings: one `aipp_op`.
        shape: the input's, (n, c, h, w) or with `fmt` NHWC (n, h, w, c).
        fmt: NCHW or NHWC.

    Returns:
        The settings with all sizes, and "bytes": those of one picture.

    Raises:
        AtcError: what comes out of them is not what the model takes (E10052).
    """
    if len(shape) != 4:  # noqa: PLR2004 - pictures
        raise _fail(path, f"the model's input has the shape {list(shape)}; AIPP works on pictures")
    channels, height, width = shape[1:] if fmt == "NCHW" else (shape[3], *shape[1:3])
    pads = [
        settings[f"{side}_padding_size"] if settings["padding"] else 0
        for side in ("left", "right", "top", "bottom")
    ]
    inner_w, inner_h = width - pads[0] - pads[1], height - pads[2] - pads[3]
    crop_w = settings["crop_size_w"] or inner_w if settings["crop"] else inner_w
    crop_h = settings["crop_size_h"] or inner_h if settings["crop"] else inner_h
    source_w, source_h = settings["src_image_size_w"] or crop_w, settings["src_image_size_h"] or crop_h
    pixel, made = FORMATS[settings["input_format"]]
    if made != channels:
        raise _fail(path, f"{settings['input_format']} gives {made} channels, the model takes {channels}")
    if (crop_w, crop_h) != (inner_w, inner_h) or (
        not settings["crop"] and (source_w, source_h) != (inner_w, inner_h)
    ):
        size = f"{crop_w}x{crop_h}" if settings["crop"] else f"{source_w}x{source_h}"
        raise _fail(
            path, f"a picture of {size} comes out, the model takes {inner_w}x{inner_h} before padding"
        )
    left, top = settings["load_start_pos_w"], settings["load_start_pos_h"]
    if left + crop_w > source_w or top + crop_h > source_h:
        raise _fail(
            path,
            f"the crop of {crop_w}x{crop_h} at ({left}, {top}) leaves the picture of {source_w}x{source_h}",
        )
    return settings | {
        "src_image_size_w": source_w,
        "src_image_size_h": source_h,
        "crop_size_w": crop_w,
        "crop_size_h": crop_h,
        "bytes": source_w * source_h * pixel // 2,
    }
