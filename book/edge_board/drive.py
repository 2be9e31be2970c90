"""The loop: what the car sees decides where it drives, and where it drives decides what it sees next."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw

from edge_board import road
from edge_board.sight import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_board.sight import Sight

SPEED = 1.0  # metres a second
TICK = 0.1  # seconds between two frames
SHARPEST = 2.0  # curvature of the tightest turn, 1 / metres
DODGE = 0.17  # how far from the middle the car passes a cone
HELD = 0.8  # metres for which it stays there when the cone has left the picture
SIDE = 0.45  # what stands farther from the middle is beside the road
REACTS = 1.5  # metres ahead
MIDDLE, FOOT = (40, 120, 255), (255, 225, 0)


class Moment(NamedTuple):
    """One turn of the loop.

    Attributes:
        pose: of the car when the frame was taken.
        frame: the JPEG.
        sight: what the detector saw.
        turn: what the driver decided: the curvature, 1 / metres, left is positive.
    """

    pose: road.Pose
    frame: bytes
    sight: Sight
    turn: float


class Driver:
    """Aims at the road's middle 0.7 m ahead, or beside it where a cone stands."""

    def __init__(self) -> None:
        self.shift = 0.0
        self.held = 0.0

    def turn(self, sight: Sight) -> float:
        """The curvature to drive, 1 / metres, left is positive (pure pursuit)."""
        near, far = sight.lane
        slope = (far - near) / (AHEAD[1] - AHEAD[0])
        self.held = max(0.0, round(self.held - SPEED * TICK, 6))
        for forward, left in sight.cones:
            beside = left - (near + slope * (forward - AHEAD[0]))
            if forward < REACTS and abs(beside) < SIDE:
                self.shift, self.held = -math.copysign(DODGE, beside), HELD
                break
        aim = near + (self.shift if self.held else 0.0)
        return max(-SHARPEST, min(SHARPEST, 2 * aim / AHEAD[0] ** 2))


def shown(moment: Moment, width: int = 320) -> Image.Image:
    """A frame with what was seen in it: the road's middle (blue) and the cones' feet (yellow)."""
    whole = Image.open(io.BytesIO(moment.frame))
    camera = road.Camera(width, round(width * whole.height / whole.width))
    picture = whole.resize((camera.width, camera.height))
    drawn = ImageDraw.Draw(picture)
    middle = [camera.to_pixel(*at) for at in zip(AHEAD, moment.sight.lane, strict=True)]
    drawn.line(middle, fill=MIDDLE, width=3)
    for places, colour in ((middle, MIDDLE), ([camera.to_pixel(*at) for at in moment.sight.cones], FOOT)):
        for x, y in places:
            drawn.ellipse((x - 5, y - 5, x + 5, y + 5), outline=colour, width=3)
    return picture


def live(moment: Moment, width: int = 480) -> str:
    """A moment as HTML: what the value of an `ipywidgets.HTML` is set to, again and again."""
    file = io.BytesIO()
    shown(moment, width).save(file, "JPEG", quality=60)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="What the camera sees" width="{width}" src="data:image/jpeg;base64,{data}">'


def moved(pose: road.Pose, turn: float) -> road.Pose:
    """Where the car is one frame later."""
    way, half = SPEED * TICK, turn * SPEED * TICK / 2
    return road.Pose(
        pose.x + way * math.cos(pose.heading + half),
        pose.y + way * math.sin(pose.heading + half),
        pose.heading + 2 * half,
    )


def drive(see: Callable[[bytes], Sight], frames: int, camera: road.Camera | None = None) -> Iterator[Moment]:
    """Drive for a number of frames.

    Args:
        see: from a JPEG to what is in it.
        frames: how many.
        camera: what delivers them.
    """
    lens, driver, cones = camera or road.Camera(), Driver(), road.cones_on_road()
    pose = road.pose_on_road(0.0)
    for _ in range(frames):
        frame = road.jpeg(road.render(pose, cones, lens))
        sight = see(frame)
        turn = driver.turn(sight)
        yield Moment(pose, frame, sight, turn)
        pose = moved(pose, turn)
