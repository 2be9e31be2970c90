"""The world: a closed road with traffic cones, a camera on a toy car, and the frames that it delivers.

Lengths are metres, angles radians. The car's frame: x forward, y left. Everything is drawn with numpy and
Pillow, and comes out the same on every machine.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

Array = np.ndarray[Any, Any]

WIDTH, HEIGHT = 12.0, 8.0  # of the world
DOTS = 100  # of its drawing in a metre
LANE = 0.8  # the road's width
SKY, GRASS, ASPHALT, PAINT = (150, 190, 225), (74, 120, 62), (70, 70, 74), (235, 235, 230)
CONE, STRIPE = (240, 90, 20), (245, 240, 235)
CONE_RADIUS, CONE_HEIGHT = 0.07, 0.2
FAR = 8.0  # beyond it the camera sees nothing but grass
NEAR = 0.12  # what is nearer is under the camera
HORIZON = 1e-6
SMALLEST = 16  # pixels of a frame's side


class FrameError(ValueError):
    """A frame cannot be drawn or decoded at the size that was asked for."""


class Pose(NamedTuple):
    """Where the car is and where it looks."""

    x: float
    y: float
    heading: float

    def sees(self, points: Array) -> Array:
        """Points of the world, (n, 2), in the car's frame."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        moved = points - np.array([self.x, self.y])
        turned: Array = moved @ np.array([[cos, -sin], [sin, cos]])
        return turned


@cache
def centre_line() -> Array:
    """The road's middle as (2000, 2) points at equal distances, closed, driven in this order."""
    turn = np.linspace(0, 2 * np.pi, 8000, endpoint=False)
    reach = 1 + 0.25 * np.cos(2 * turn + 0.4) + 0.1 * np.cos(3 * turn)
    x = WIDTH / 2 - 0.4 + 3.9 * reach * np.cos(turn)
    y = HEIGHT / 2 + 3.0 * reach * np.sin(turn)
    points = np.stack([x, y], axis=1)
    steps = np.hypot(*np.diff(points, axis=0, append=points[:1]).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    wanted = np.linspace(0, along[-1], 2000, endpoint=False)
    closed = np.vstack([points, points[:1]])
    return np.stack([np.interp(wanted, along, closed[:, i]) for i in range(2)], axis=1)


def road_length() -> float:
    """Metres of one lap."""
    points = centre_line()
    return float(np.hypot(*np.diff(points, axis=0, append=points[:1]).T).sum())


def pose_on_road(along: float, left: float = 0.0, turned: float = 0.0) -> Pose:
    """A pose `along` metres down the road, `left` of its middle, `turned` from its direction."""
    points = centre_line()
    here = round(along / road_length() * len(points)) % len(points)
    ahead = points[(here + 5) % len(points)] - points[here - 5]
    heading = math.atan2(ahead[1], ahead[0])
    x, y = points[here] + left * np.array([-math.sin(heading), math.cos(heading)])
    return Pose(float(x), float(y), heading + turned)


def offset(pose: Pose) -> float:
    """How far left of the road's middle a pose is; negative to the right."""
    beside = pose_on_road(_nearest(pose) / len(centre_line()) * road_length())
    return float(beside.sees(np.array([[pose.x, pose.y]]))[0, 1])


def _nearest(pose: Pose) -> int:
    return int(np.hypot(*(centre_line() - (pose.x, pose.y)).T).argmin())


def middle_ahead(pose: Pose, distance: float) -> float:
    """How far left (in the car's frame) the road's middle is, `distance` metres down the road."""
    points = centre_line()
    step = round(distance / road_length() * len(points))
    return float(pose.sees(points[(_nearest(pose) + step) % len(points)][None])[0, 1])


@cache
def ground() -> Array:
    """The world from above, DOTS pixels a metre, (rows, columns, 3) bytes; row 0 is y = 0."""
    noise = np.random.default_rng(7)
    size = (round(HEIGHT * DOTS), round(WIDTH * DOTS))
    grass = np.array(GRASS) + noise.integers(-14, 15, (*size, 1))
    picture = Image.fromarray(grass.astype(np.uint8))
    drawn = ImageDraw.Draw(picture)
    points = [(float(x), float(y)) for x, y in centre_line() * DOTS]
    for width, colour in ((LANE, PAINT), (LANE - 0.08, ASPHALT)):
        radius = width * DOTS / 2
        for x, y in points:
            drawn.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    for start in range(0, len(points), 40):  # the dashes of the middle
        drawn.line(points[start : start + 16], fill=PAINT, width=3)
    return np.asarray(picture)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the car.

    Attributes:
        width, height: of its frames, in pixels.
        above: metres over the ground.
        pitch: how far it looks down.
        view: its horizontal angle of view.
    """

    width: int = 640
    height: int = 384
    above: float = 0.24
    pitch: float = 0.28
    view: float = 1.5

    def __post_init__(self) -> None:
        if min(self.width, self.height) < SMALLEST:
            raise FrameError(
                f"a frame of {self.width} x {self.height} was asked for; make both at least {SMALLEST}."
            )

    @property
    def focal(self) -> float:
        """The focal length in pixels."""
        return self.width / 2 / math.tan(self.view / 2)

    def to_ground(self, column: Array | float, row: Array | float) -> tuple[Array, Array]:
        """Where on the ground pixels lie: (forward, left); forward is infinite above the horizon."""
        right = (np.asarray(column, dtype=float) - self.width / 2) / self.focal
        down = (np.asarray(row, dtype=float) - self.height / 2) / self.focal
        sink = math.sin(self.pitch) + down * math.cos(self.pitch)
        ahead = math.cos(self.pitch) - down * math.sin(self.pitch)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(sink > HORIZON, self.above / sink, np.inf)
            return reach * ahead, -reach * right

    def to_pixel(self, forward: float, left: float, above: float = 0.0) -> tuple[float, float]:
        """The (column, row) of a point in the car's frame, `forward` of the camera."""
        drop = self.above - above
        deep = forward * math.cos(self.pitch) + drop * math.sin(self.pitch)
        down = drop * math.cos(self.pitch) - forward * math.sin(self.pitch)
        return self.width / 2 - left / deep * self.focal, self.height / 2 + down / deep * self.focal


@cache
def _rays(camera: Camera) -> tuple[Array, Array]:
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    forward, left = camera.to_ground(columns, rows)
    return forward.astype(np.float32), left.astype(np.float32)


def render(pose: Pose, cones: Array, camera: Camera) -> Image.Image:
    """What the camera sees.

    Args:
        pose: of the car.
        cones: (n, 2), where they stand in the world.
        camera: its size and place.
    """
    forward, left = _rays(camera)
    seen = forward < FAR
    cos, sin = np.float32(math.cos(pose.heading)), np.float32(math.sin(pose.heading))
    f, lt = forward[seen], left[seen]
    column = ((pose.x + f * cos - lt * sin) * DOTS).astype(np.int32)
    row = ((pose.y + f * sin + lt * cos) * DOTS).astype(np.int32)
    drawing = ground()
    inside = (row >= 0) & (row < drawing.shape[0]) & (column >= 0) & (column < drawing.shape[1])
    colours = np.empty((len(row), 3), np.uint8)
    colours[:] = GRASS
    colours[inside] = drawing[row[inside], column[inside]]
    picture = np.empty((camera.height, camera.width, 3), np.uint8)
    picture[:] = SKY
    picture[seen] = colours
    image = Image.fromarray(picture)
    drawn = ImageDraw.Draw(image)
    near = pose.sees(cones) if len(cones) else np.empty((0, 2))
    for x, y in sorted(((float(x), float(y)) for x, y in near), reverse=True):
        if NEAR < x < FAR:
            _draw_cone(drawn, camera, x, y)
    return image


def _draw_cone(drawn: ImageDraw.ImageDraw, camera: Camera, forward: float, left: float) -> None:
    for low, high, colour in ((0.0, 1.0, CONE), (0.4, 0.65, STRIPE)):
        corners = []
        for level, side in ((low, -1), (low, 1), (high, 1), (high, -1)):
            radius = CONE_RADIUS * (1 - 0.9 * level)
            corners.append(camera.to_pixel(forward, left - side * radius, level * CONE_HEIGHT))
        drawn.polygon(corners, fill=colour)


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """A frame as the camera sends it: baseline JPEG, colours at half size (4:2:0)."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=2)
    return file.getvalue()


def cones_on_road() -> Array:
    """Where the course's cones stand: (n, 2), left and right of the middle by turns."""
    places = [(0.13, 0.2), (0.29, -0.2), (0.45, 0.2), (0.62, -0.2), (0.80, 0.2)]
    poses = [pose_on_road(part * road_length(), left) for part, left in places]
    return np.array([(pose.x, pose.y) for pose in poses])
