"""What the detector's numbers mean: sizes of its picture, and cones as places on the road.

Needs numpy alone, so that the board does too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edge_board.road import Array, Camera

WIDE, HIGH = 160, 96  # of the detector's picture, in pixels
CELL = 8
COLUMNS, ROWS = WIDE // CELL, HIGH // CELL
AHEAD = (0.7, 1.4)  # metres down the road at which the lane is told
LANE_NUMBERS, CONE_NUMBERS = len(AHEAD), 3 * ROWS * COLUMNS


class Sight(NamedTuple):
    """What one frame tells.

    Attributes:
        lane: how far left the road's middle is, in metres, at the distances AHEAD.
        cones: (forward, left) of each cone, in metres, nearest first.
    """

    lane: tuple[float, ...]
    cones: tuple[tuple[float, float], ...]


def read(lane: Array, cones: Array) -> Sight:
    """The detector's outputs for one picture as metres.

    Args:
        lane: (2,).
        cones: (3, 12, 20); of neighbouring cells that say "cone", the surest counts.
    """
    camera = Camera(WIDE, HIGH)
    logits = cones[0]
    padded = np.pad(logits, 1, constant_values=-np.inf)
    around = np.max([padded[r : r + ROWS, c : c + COLUMNS] for r in range(3) for c in range(3)], axis=0)
    places = []
    for row, column in np.argwhere((logits > 0) & (logits == around)):
        x, y = np.clip(cones[1:, row, column], 0, 1)
        forward, left = camera.to_ground((column + x) * CELL, (row + y) * CELL)
        if np.isfinite(forward):
            places.append((float(forward), float(left)))
    return Sight(tuple(float(value) for value in lane), tuple(sorted(places)))
