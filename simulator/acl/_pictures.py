"""Pictures in DVPP's memory: formats, strides and sizes by chip, and the arithmetic on them.

Values are those of the documented definitions: YUV420SP is a plane of luma and one of interleaved chroma at
half the width and height. Source: CANN AscendCL API reference, "Media data processing", V1 interfaces; for
limits, the restrictions of VPC (aclcppdevg_03_0168 of CANN 6.0, 03_0337 of 8.5) and of JPEGE (03_0362).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acl._calls import AclError

if TYPE_CHECKING:
    import numpy as np

GREY, NV12, NV21 = 0, 1, 2
RGB888, BGR888 = 12, 13
PARAM = 100000


@dataclass(frozen=True)
class Format:
    """How a picture lies in memory.

    Attributes:
        name: for messages.
        channels: bytes a pixel in the first plane.
        chroma: whether a plane of chroma at half size follows.
    """

    name: str
    channels: int
    chroma: bool


FORMATS = {
    GREY: Format("YUV400", 1, chroma=False),
    NV12: Format("YUV420SP NV12", 1, chroma=True),
    NV21: Format("YUV420SP NV21", 1, chroma=True),
    RGB888: Format("RGB888", 3, chroma=False),
    BGR888: Format("BGR888", 3, chroma=False),
}


@dataclass(frozen=True)
class Rules:
    """What a chip's media units ask of sizes and strides.

    Attributes:
        width: alignment of VPC's width strides, in pixels.
        height: alignment of its height strides for formats without chroma at half height; those with it
            have 2 everywhere.
        jpeg_width, jpeg_height: alignment of what JPEGD writes.
        least_stride: the smallest width stride.
        tallest: the largest height of an output.
        grey_as_420: whether a grey picture's memory has room for chroma.
    """

    width: int
    height: int
    jpeg_width: int
    jpeg_height: int
    least_stride: int
    tallest: int
    grey_as_420: bool


SMALLEST_WIDTH, SMALLEST_HEIGHT, LARGEST = 10, 6, 4096
LARGEST_RESIZED = 8192  # of a picture that is only made smaller
LARGEST_STRIDE = 16384
SMALLEST_JPEG, LARGEST_JPEG = 32, 8192
JPEG_ALIGNMENT = 16  # of what JPEGE reads
LEAST_SCALE, MOST_SCALE = 32, 16  # a side is made at most that many times smaller, and larger


def rules(soc: str) -> Rules:
    """A chip's rules: 310B and 910B write JPEG at even sides, 310P at 64, the rest at 128."""
    if soc.startswith(("Ascend310B", "Ascend910B", "Ascend910_93")):
        return Rules(1, 1, 2, 2, 10, LARGEST_RESIZED, grey_as_420=False)
    if soc.startswith("Ascend310P"):
        return Rules(16, 1, 64, 16, 32, LARGEST, grey_as_420=False)
    return Rules(16, 2, 128, 16, 32, LARGEST, grey_as_420=True)


@dataclass
class Picture:
    """A picture description: where it lies and how."""

    data: int = 0
    size: int = 0
    fmt: int = NV12
    width: int = 0
    height: int = 0
    width_stride: int = 0
    height_stride: int = 0
    ret_code: int = 0

    @property
    def needed(self) -> int:
        """Bytes that the description asks for."""
        plane = self.width_stride * self.height_stride
        return plane * 3 // 2 if FORMATS[self.fmt].chroma else plane

    def check(self, what: str, found: Rules, widest: int = LARGEST, tallest: int = LARGEST) -> None:
        """Raise unless the description is one that VPC takes.

        Raises:
            AclError: format, size, parity or stride is not (100000).
        """
        kind = self._kind(what)
        if not (SMALLEST_WIDTH <= self.width <= widest and SMALLEST_HEIGHT <= self.height <= tallest):
            limits = f"{SMALLEST_WIDTH}x{SMALLEST_HEIGHT} to {widest}x{tallest}"
            raise AclError(PARAM, f"{what} is {self.width}x{self.height}; VPC takes {limits}")
        if kind.chroma and (self.width % 2 or self.height % 2):
            raise AclError(PARAM, f"{what} is {self.width}x{self.height}; {kind.name} needs even sizes")
        stride = max(-(-self.width // found.width) * found.width * kind.channels, found.least_stride)
        self._stride(what, "width", stride, found.width)
        aligned = 2 if kind.chroma else found.height
        self._stride(what, "height", -(-self.height // aligned) * aligned, aligned)
        needed = self.needed * 3 // 2 if self.fmt == GREY and found.grey_as_420 else self.needed
        if self.size < needed:
            raise AclError(PARAM, f"{what} has {self.size} bytes; its strides need {needed}")

    def check_encoded(self) -> None:
        """Raise unless the description is one that JPEGE takes.

        Raises:
            AclError: format, size, parity or stride is not (100000).
        """
        kind = self._kind("the input")
        if not kind.chroma:
            raise AclError(PARAM, f"the input is {kind.name}; JPEGE takes YUV420SP (1 or 2)")
        if not all(
            SMALLEST_JPEG <= side <= LARGEST_JPEG and side % 2 == 0 for side in (self.width, self.height)
        ):
            limits = f"even sizes from {SMALLEST_JPEG}x{SMALLEST_JPEG} to {LARGEST_JPEG}x{LARGEST_JPEG}"
            raise AclError(PARAM, f"the input is {self.width}x{self.height}; JPEGE takes {limits}")
        wide, high = (-(-side // JPEG_ALIGNMENT) * JPEG_ALIGNMENT for side in (self.width, self.height))
        self._stride("the input", "width", wide, JPEG_ALIGNMENT)
        if self.height_stride not in {self.height, high}:
            raise AclError(
                PARAM, f"the input: height stride {self.height_stride}; give {self.height} or {high}"
            )
        if self.size < self.needed:
            raise AclError(PARAM, f"the input has {self.size} bytes; its strides need {self.needed}")

    def _kind(self, what: str) -> Format:
        kind = FORMATS.get(self.fmt)
        if kind is None:
            raise AclError(
                PARAM, f"{what}: format {self.fmt} is not simulated; use 1 (YUV420SP NV12) or 12 (RGB888)"
            )
        return kind

    def _stride(self, what: str, side: str, least: int, aligned: int) -> None:
        given: int = getattr(self, f"{side}_stride")
        if not least <= given <= LARGEST_STRIDE or given % aligned:
            rule = f"aligned to {aligned}" if given % aligned else f"from {least} to {LARGEST_STRIDE}"
            raise AclError(PARAM, f"{what}: {side} stride {given} is not {rule}; give {least}")


def planes(picture: Picture, view: memoryview) -> list[np.ndarray[Any, Any]]:
    """The planes of a picture as arrays over its memory, without the padding of the strides."""
    import numpy as np

    kind = FORMATS[picture.fmt]
    raw = np.frombuffer(view, dtype=np.uint8)
    stride, rows = picture.width_stride, picture.height_stride
    first = raw[: stride * rows].reshape(rows, stride)[: picture.height, : picture.width * kind.channels]
    found = [first.reshape(picture.height, picture.width, kind.channels)] if kind.channels > 1 else [first]
    if kind.chroma:
        second = raw[stride * rows : stride * rows * 3 // 2].reshape(rows // 2, stride)
        half = second[: picture.height // 2, : picture.width]
        found.append(half.reshape(picture.height // 2, picture.width // 2, 2))
    return found


def resize(plane: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    """A plane at another size, bilinear between pixel centres, rounded half up."""
    import numpy as np

    rows, columns = plane.shape[:2]
    if (rows, columns) == (height, width):
        return plane.copy()
    y = np.clip((np.arange(height) + 0.5) * rows / height - 0.5, 0, rows - 1)
    x = np.clip((np.arange(width) + 0.5) * columns / width - 0.5, 0, columns - 1)
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, columns - 1)
    wide: np.ndarray[Any, Any] = plane.reshape(rows, columns, -1).astype(np.float32)
    fy, fx = (y - y0)[:, None, None].astype(np.float32), (x - x0)[None, :, None].astype(np.float32)
    top = wide[y0][:, x0] * (1 - fx) + wide[y0][:, x1] * fx
    bottom = wide[y1][:, x0] * (1 - fx) + wide[y1][:, x1] * fx
    return _bytes(top * (1 - fy) + bottom * fy).reshape(height, width, *plane.shape[2:])


def nearest(plane: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    """A plane at another size, each pixel the nearest one's."""
    import numpy as np

    rows, columns = plane.shape[:2]
    y = np.minimum(((np.arange(height) + 0.5) * rows / height).astype(int), rows - 1)
    x = np.minimum(((np.arange(width) + 0.5) * columns / width).astype(int), columns - 1)
    found: np.ndarray[Any, Any] = plane[y][:, x]
    return found


def to_nv12(ycc: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Full-size YCbCr (height, width, 3) as luma and chroma planes: chroma is the mean of each 2x2 pixels."""
    import numpy as np

    height, width = ycc.shape[0] // 2 * 2, ycc.shape[1] // 2 * 2
    chroma = ycc[:height, :width, 1:].astype(np.uint16).reshape(height // 2, 2, width // 2, 2, 2)
    mean = (chroma.sum(axis=(1, 3)) + 2) // 4
    return [ycc[:height, :width, 0], mean.astype(np.uint8)]


def from_nv12(found: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Luma and chroma planes as full-size YCbCr: each chroma value stands for its 2x2 pixels."""
    import numpy as np

    luma, chroma = found
    return np.dstack([luma, chroma.repeat(2, axis=0).repeat(2, axis=1)])


def _bytes(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Values rounded half up and cut to 0 to 255."""
    import numpy as np

    found: np.ndarray[Any, Any] = np.floor(values + 0.5).clip(0, 255).astype(np.uint8)
    return found


def to_rgb(ycc: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """YCbCr of BT.601, full range (JPEG), as RGB, rounded half up."""
    import numpy as np

    y, cb, cr = (ycc[..., i].astype(np.float32) for i in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return _bytes(rgb)


def to_ycc(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """RGB as YCbCr of BT.601, full range (JPEG), rounded half up."""
    import numpy as np

    r, g, b = (rgb[..., i].astype(np.float32) for i in range(3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    cb = -0.168736 * r - 0.331264 * g + 0.5 * b + 128
    cr = 0.5 * r - 0.418688 * g - 0.081312 * b + 128
    return _bytes(np.stack([luma, cb, cr], axis=-1))


def convert(found: list[np.ndarray[Any, Any]], source: int, target: int) -> list[np.ndarray[Any, Any]]:
    """Planes of one format as planes of another, of the same size."""
    import numpy as np

    if source == target:
        return found
    if source == NV21:
        found = [found[0], found[1][..., ::-1]]
    if source == GREY:
        found = [found[0], np.full((found[0].shape[0] // 2, found[0].shape[1] // 2, 2), 128, np.uint8)]
    rgb = found[0] if source in {RGB888, BGR888} else None
    if rgb is not None:
        rgb = rgb[..., ::-1] if source == BGR888 else rgb
    if target in {RGB888, BGR888}:
        made = to_rgb(from_nv12(found)) if rgb is None else rgb
        return [made[..., ::-1] if target == BGR888 else made]
    if rgb is not None:
        found = to_nv12(to_ycc(rgb))
    if target == GREY:
        return [found[0]]
    return [found[0], found[1][..., ::-1]] if target == NV21 else found
