"""AIPP set at run time: parameters in memory of the model's extra input, read when the model runs.

The face is `acl.mdl`. Values and order are those of `aclmdlAIPP`; the layout in memory is our own, in the
real size (64 bytes, and 96 for each picture).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acl._calls import AclError, integer
from acl._handles import Handles
from acl._state import State

if TYPE_CHECKING:
    import numpy as np

NAME = "ascend_dynamic_aipp_data"  # of the extra input; a number follows for the second one and later
PARAM, BATCH_EMPTY, NOT_EXIST, MODE_INVALID = 100000, 145014, 145015, 145016
# aclAippInputFormat: (name in settings, bytes a pixel times 2, channels)
FORMATS = {1: ("YUV420SP_U8", 3, 3), 2: ("XRGB8888_U8", 8, 3), 3: ("RGB888_U8", 6, 3), 4: ("YUV400_U8", 2, 1)}
_HEAD = struct.Struct("<BBBBII9h6B28x")
_PICTURE = struct.Struct("<BBxx4i4i4h4f4f20x")
MOST = 127  # pictures
MATRIX = [f"matrix_r{r}c{c}" for r in range(3) for c in range(3)]
BIASES = [f"output_bias_{i}" for i in range(3)] + [f"input_bias_{i}" for i in range(3)]


def data_size(batch: int) -> int:
    """Bytes of the parameters for so many pictures."""
    return _HEAD.size + batch * _PICTURE.size


@dataclass
class PictureParams:
    """What may differ from picture to picture."""

    crop: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # switch, left, top, width, height
    padding: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # switch, top, bottom, left, right
    mean: tuple[int, ...] = (0, 0, 0, 0)
    least: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    reciprocal: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)


@dataclass
class AippParams:
    """What `create_aipp` makes."""

    pictures: list[PictureParams]
    fmt: int = 0
    csc: int = 0
    swap: int = 0
    ax_swap: int = 0
    width: int = 0
    height: int = 0
    matrix: tuple[int, ...] = (0,) * 9
    biases: tuple[int, ...] = field(default=(0,) * 6)

    def picture(self, index: int) -> PictureParams:
        """The parameters of a picture.

        Raises:
            AclError: there is none of that index (100000).
        """
        if not 0 <= integer("batch_index", index) < len(self.pictures):
            raise AclError(PARAM, f"batch_index is {index}; there are {len(self.pictures)} pictures")
        return self.pictures[index]

    def pack(self) -> bytes:
        """As they lie in memory."""
        head = _HEAD.pack(
            self.fmt,
            len(self.pictures),
            self.csc | self.swap << 1 | self.ax_swap << 2,
            0,
            self.width,
            self.height,
            *self.matrix,
            *self.biases,
        )
        return head + b"".join(
            _PICTURE.pack(
                p.crop[0], p.padding[0], *p.crop[1:], *p.padding[1:], *p.mean, *p.least, *p.reciprocal
            )
            for p in self.pictures
        )


def number(name: str, value: Any, low: int, high: int) -> int:
    """A whole number within its type's range.

    Raises:
        AclError: it is not (100000).
    """
    if not low <= integer(name, value) <= high:
        raise AclError(PARAM, f"{name} is {value}; give {low} to {high}")
    return int(value)


params: Handles[AippParams] = Handles("AIPP setting")
State.finalisers.append(params.clear)


def settings(data: memoryview, batch: int, tensor: dict[str, Any], room: int) -> list[dict[str, Any]]:
    """The settings of each picture, checked against the model's input.

    Args:
        data: the parameters' memory.
        batch: how many pictures the model takes.
        tensor: the model's input: "aipp_shape" is (channels, height, width) of what it takes.
        room: bytes of the pictures' memory.

    Raises:
        AclError: they were not set (145014), or do not fit the model or the memory (100000).
    """
    raw = bytes(data)
    if len(raw) < _HEAD.size:
        raise AclError(PARAM, f"the AIPP input has {len(raw)} bytes, its parameters {data_size(batch)}")
    fields = _HEAD.unpack_from(raw)
    kind = FORMATS.get(fields[0])
    if kind is None or not fields[1]:
        raise AclError(BATCH_EMPTY, "no AIPP was set for this run; call acl.mdl.set_input_aipp")
    name, pixel, channels = kind
    if fields[1] < batch or len(raw) < data_size(batch):
        raise AclError(PARAM, f"AIPP was set for {fields[1]} pictures, the model takes {batch}")
    width, height = fields[4:6]
    size = width * height * pixel // 2
    if channels != tensor["aipp_shape"][0]:
        raise AclError(PARAM, f"{name} gives {channels} channels, the model takes {tensor['aipp_shape'][0]}")
    if size < 1 or size * batch > room:
        raise AclError(
            PARAM, f"{batch} pictures of {width}x{height} have {size * batch} bytes, the input {room}"
        )
    if name == "YUV420SP_U8" and (width % 2 or height % 2):
        raise AclError(PARAM, f"the picture is {width}x{height}; YUV420SP_U8 needs even sizes")
    common = {
        "input_format": name,
        "csc_switch": bool(fields[2] & 1),
        "rbuv_swap_switch": bool(fields[2] & 2),
        "src_image_size_w": width,
        "src_image_size_h": height,
        "bytes": size,
        "padding_value": 0,
        **dict(zip(MATRIX, fields[6:15], strict=True)),
        **dict(zip(BIASES, fields[15:21], strict=True)),
    }
    return [common | _picture(raw, i, common, tensor["aipp_shape"]) for i in range(batch)]


def _picture(raw: bytes, index: int, common: dict[str, Any], shape: list[int]) -> dict[str, Any]:
    fields = _PICTURE.unpack_from(raw, _HEAD.size + index * _PICTURE.size)
    crop, pad = fields[2:6], fields[6:10]
    whole = (0, 0, common["src_image_size_w"], common["src_image_size_h"])
    left, top, width, height = crop if fields[0] else whole
    sides = dict(zip(("top", "bottom", "left", "right"), pad if fields[1] else (0, 0, 0, 0), strict=True))
    inside = left >= 0 and top >= 0 and left + width <= whole[2] and top + height <= whole[3]
    if not inside or min(width, height) < 1 or min(sides.values()) < 0:
        raise AclError(PARAM, f"the crop of {width}x{height} at ({left}, {top}) leaves the picture {index}")
    made = width + sides["left"] + sides["right"], height + sides["top"] + sides["bottom"]
    if made != (shape[2], shape[1]):
        raise AclError(
            PARAM, f"a picture of {made[0]}x{made[1]} comes out, the model takes {shape[2]}x{shape[1]}"
        )
    found = {"load_start_pos_w": left, "load_start_pos_h": top, "crop_size_w": width, "crop_size_h": height}
    found |= {"padding": bool(fields[1]), **{f"{side}_padding_size": n for side, n in sides.items()}}
    for name, first in (("mean_chn", 10), ("min_chn", 14), ("var_reci_chn", 18)):
        found |= {f"{name}_{i}": fields[first + i] for i in range(4)}
    return found


def prepare(data: memoryview, listed: list[dict[str, Any]], fmt: str) -> np.ndarray[Any, Any]:
    """The model's input from pictures and the settings of each."""
    import numpy as np

    from acl._aipp import prepare as prepare_one

    size = listed[0]["bytes"]
    return np.concatenate(
        [prepare_one(data[i * size : (i + 1) * size], one, 1, fmt) for i, one in enumerate(listed)]
    )
