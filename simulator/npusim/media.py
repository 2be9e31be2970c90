"""The media units of a chip (DVPP): how many there are, and what a picture costs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import number, of_chip
from npusim.records import Detailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.chips import Chip
    from npusim.records import Record
    from npusim.stream import Stream

PIXELS = 1920 * 1080  # of the pictures whose rate is published; other sizes in proportion
# unit: whose figures it has; for encoding JPEG and decoding PNG none are published, so those of JPEGD stand
_FIGURES = {"VPC": "vpc", "JPEGD": "jpegd", "JPEGE": "jpegd", "PNGD": "jpegd", "VDEC": "vdec", "VENC": "venc"}


def _unit(operation: str) -> str:
    """The unit of an operation: "VPC" for "VPC_RESIZE" and its like."""
    return "VPC" if operation.startswith("VPC") else operation


def media_ns(chip: Chip, operation: str, pixels: int) -> int:
    """Nanoseconds of one picture on one unit.

    Args:
        chip: the chip.
        operation: "JPEGD", "JPEGE", "PNGD", "VDEC", "VENC", or "VPC" and more.
        pixels: of the larger one of input and output.
    """
    rate = _figure(f"{_FIGURES[_unit(operation)]}_fps", chip)
    return round(1e9 / rate * pixels / PIXELS)


def media_units(chip: Chip) -> dict[str, int]:
    """How many units of each kind a chip has."""
    return {f"DVPP_{unit}": int(_figure(f"{name}_units", chip)) for unit, name in _FIGURES.items()}


def _figure(what: str, chip: Chip) -> float:
    """A chip's figure; a chip of which none is published is taken to be like the Ascend310."""
    return of_chip(what, chip) or number(f"{what}.Ascend310")


def media_task(stream: Stream, operation: str, pixels: int) -> Record:
    """Give a picture to a unit; the host goes on at once.

    Raises:
        WrongStreamError: the stream was destroyed.
    """
    duration = media_ns(stream.device.chip, operation, pixels)
    unit = f"DVPP_{_unit(operation)}"
    return stream.submit(Detailed((pixels,), operation, "media", unit, 1, duration))


def media_batch(stream: Stream, operation: str, pixels: Sequence[int]) -> Record:
    """Give several pictures to the units at once: they are shared out, the slowest unit decides.

    Raises:
        WrongStreamError: the stream was destroyed.
    """
    chip = stream.device.chip
    unit = _unit(operation)
    loads = [0] * min(max(len(pixels), 1), media_units(chip)[f"DVPP_{unit}"])
    for duration in sorted((media_ns(chip, operation, n) for n in pixels), reverse=True):
        loads[loads.index(min(loads))] += duration
    return stream.submit(Detailed(tuple(pixels), operation, "media", f"DVPP_{unit}", len(loads), max(loads)))
