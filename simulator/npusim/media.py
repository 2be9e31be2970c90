"""The media units of a chip (DVPP): how many there are, and what a picture costs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import number, of_chip
from npusim.records import Task

if TYPE_CHECKING:
    from npusim.chips import Chip
    from npusim.stream import Stream

PIXELS = 1920 * 1080  # of the pictures whose rate is published; other sizes in proportion


def media_ns(chip: Chip, operation: str, pixels: int) -> int:
    """Nanoseconds of one picture on one unit.

    Args:
        chip: the chip.
        operation: "JPEGD", "JPEGE" (as fast as decoding; none is published), or "VPC" and more.
        pixels: of the larger one of input and output.
    """
    rate = _figure("vpc_fps" if operation.startswith("VPC") else "jpegd_fps", chip)
    return round(1e9 / rate * pixels / PIXELS)


def media_units(chip: Chip) -> dict[str, int]:
    """How many units of each kind a chip has."""
    jpeg, vpc = int(_figure("jpegd_units", chip)), int(_figure("vpc_units", chip))
    return {"DVPP_JPEGD": jpeg, "DVPP_JPEGE": jpeg, "DVPP_VPC": vpc}


def _figure(what: str, chip: Chip) -> float:
    """A chip's figure; a chip of which none is published is taken to be like the Ascend310."""
    return of_chip(what, chip) or number(f"{what}.Ascend310")


def media_task(stream: Stream, operation: str, pixels: int) -> None:
    """Give a picture to a unit; the host goes on at once.

    Raises:
        WrongStreamError: the stream was destroyed.
    """
    duration = media_ns(stream.device.chip, operation, pixels)
    unit = "VPC" if operation.startswith("VPC") else operation
    stream.submit(Task(operation, "media", f"DVPP_{unit}", blocks=1, duration=duration))
