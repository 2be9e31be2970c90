"""The detector: where the road's middle is, and where cones stand, from a small picture.

The network is trained on rendered frames whose truth is known, and exported to ONNX. This file needs torch;
the board does not: there the `.om` file is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from edge_board import road
from edge_board.sight import AHEAD, CELL, COLUMNS, HIGH, ROWS, WIDE

if TYPE_CHECKING:
    from pathlib import Path

SMALL = road.Camera(WIDE, HIGH)
NEAREST, FARTHEST = 0.3, 2.5  # metres within which a cone is to be found


class Detector(nn.Module):
    """Three convolutions that halve the picture, and two heads.

    Takes (n, 3, 96, 160), RGB between 0 and 1. Gives `lane` (n, 2): how far left the road's middle is, in
    metres, 0.7 and 1.4 m down the road; and `cones` (n, 3, 12, 20): for each cell of 8 x 8 pixels the logit
    that a cone's foot is in it, and where in the cell (column, row, 0 to 1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU(),
        )  # fmt: skip
        self.cones = nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 3, 1))
        self.lane = nn.Sequential(
            nn.Conv2d(32, 16, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(16 * ROWS * COLUMNS // 4, 32), nn.ReLU(), nn.Linear(32, len(AHEAD)),
        )  # fmt: skip

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Lane and cones of pictures."""
        features = self.body(picture)
        return self.lane(features), self.cones(features)


@dataclass(frozen=True)
class Samples:
    """Pictures and their truth.

    Attributes:
        pictures: (n, 3, 96, 160), bytes.
        lane: (n, 2).
        cones: (n, 3, 12, 20): 1 in the cells that hold a cone's foot, and where in the cell.
    """

    pictures: torch.Tensor
    lane: torch.Tensor
    cones: torch.Tensor


def samples(count: int, seed: int) -> Samples:
    """Frames of a car that is anywhere on the road, with up to four cones ahead of it."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((count, HIGH, WIDE, 3), np.uint8)
    lane = np.empty((count, len(AHEAD)), np.float32)
    truth = np.zeros((count, 3, ROWS, COLUMNS), np.float32)
    for i in range(count):
        along = rng.uniform(0, road.road_length())
        pose = road.pose_on_road(along, rng.uniform(-0.32, 0.32), rng.uniform(-0.45, 0.45))
        ahead = [road.pose_on_road(along + rng.uniform(0.3, 4), rng.uniform(-0.35, 0.35)) for _ in range(4)]
        cones = np.array([(at.x, at.y) for at in ahead])[: rng.integers(0, 5)].reshape(-1, 2)
        light = rng.uniform(0.75, 1.15)
        pixels = np.asarray(road.render(pose, cones, SMALL)) * light + rng.normal(0, 4, (HIGH, WIDE, 1))
        pictures[i] = pixels.clip(0, 255).astype(np.uint8)
        lane[i] = [road.middle_ahead(pose, distance) for distance in AHEAD]
        _mark(truth[i], pose.sees(cones))
    return Samples(
        torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()),
        torch.from_numpy(lane),
        torch.from_numpy(truth),
    )


def _mark(truth: road.Array, cones: road.Array) -> None:
    """Write the feet of cones, given in the car's frame, into their cells."""
    for forward, left in cones:
        if not NEAREST < forward < FARTHEST:
            continue
        column, row = SMALL.to_pixel(forward, left)
        x, y = column / CELL, row / CELL
        if 0 <= x < COLUMNS and 0 <= y < ROWS:
            truth[:, int(y), int(x)] = 1, x % 1, y % 1


def loss_of(net: Detector, batch: Samples) -> torch.Tensor:
    """How wrong the network is: lane, cells and places in cells."""
    lane, cones = net(batch.pictures.float() / 255)
    found = batch.cones[:, :1]
    cells = nn.functional.binary_cross_entropy_with_logits(
        cones[:, :1], found, pos_weight=torch.tensor(8.0), reduction="sum"
    )
    places = (found * (cones[:, 1:] - batch.cones[:, 1:]) ** 2).sum()
    count = len(batch.lane)
    middle = nn.functional.smooth_l1_loss(lane, batch.lane, beta=0.1)
    loss: torch.Tensor = 20 * middle + (0.3 * cells + places) / count
    return loss


def train(count: int = 1000, epochs: int = 10, seed: int = 0) -> Detector:
    """Train the detector on `count` rendered frames; seconds on a CPU.

    Raises:
        ValueError: there is nothing to train on.
    """
    if count < 1 or epochs < 1:
        raise ValueError(f"{count} frames, {epochs} epochs: give at least one of each.")
    torch.manual_seed(seed)
    net, data = Detector(), samples(count, seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    steps = epochs * -(-count // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(count)
        for first in range(0, count, 32):
            rows = order[first : first + 32]
            loss = loss_of(net, Samples(data.pictures[rows], data.lane[rows], data.cones[rows]))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return net.eval()


@dataclass(frozen=True)
class Score:
    """How good a detector is on frames that it has not seen.

    Attributes:
        lane_error: mean distance from the road's middle at 0.7 m, in metres.
        recall: share of the cones that were found, a cell off at most.
        precision: share of what was found that is a cone.
    """

    lane_error: float
    recall: float
    precision: float


def score(net: Detector, data: Samples) -> Score:
    """Judge a detector."""
    with torch.no_grad():
        lane, cones = net(data.pictures.float() / 255)
    said, true = cones[:, :1] > 0, data.cones[:, :1] > 0
    near = nn.functional.max_pool2d(torch.cat([said, true], 1).float(), 3, 1, 1) > 0
    return Score(
        float((lane - data.lane)[:, 0].abs().mean()),
        float((true & near[:, :1]).sum() / true.sum().clamp(min=1)),
        float((said & near[:, 1:]).sum() / said.sum().clamp(min=1)),
    )


def export(net: Detector, path: Path | str) -> None:
    """Write the network as ONNX, the number of pictures open."""
    picture = torch.zeros(2, 3, HIGH, WIDE)
    torch.onnx.export(
        net,
        (picture,),
        str(path),
        input_names=["picture"],
        output_names=["lane", "cones"],
        dynamic_shapes=({0: "n"},),
        verbose=False,
    )
