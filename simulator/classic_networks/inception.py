"""Inception v3 (Szegedy et al., 2016) without its auxiliary head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

Kernel = int | tuple[int, int]
ROW, COLUMN = (1, 7), (7, 1)


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU; the padding keeps the size unless `pad` is False."""

    def __init__(
        self, inside: int, outside: int, kernel: Kernel, stride: int = 1, *, pad: bool = True
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if pad else (0, 0)
        self.conv = nn.Conv2d(inside, outside, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outside, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, outside, ...)."""
        return torch.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches side by side.

    Args:
        branches: of each, its modules in order, with their names.
        pool: "avg": the input is averaged before `branch_pool`; "max": its maxima are a branch of their own.
    """

    def __init__(self, branches: Sequence[Sequence[tuple[str, nn.Module]]], pool: str) -> None:
        super().__init__()
        self.ways = [[name for name, _ in branch] for branch in branches]
        self.pool = pool
        for branch in branches:
            for name, module in branch:
                self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        """All branches' channels, one after the other."""
        made = [self._way(names, x) for names in self.ways]
        if self.pool == "max":
            made.append(nn.functional.max_pool2d(x, 3, 2))
        return torch.cat(made, 1)

    def _way(self, names: Sequence[str], x: Tensor) -> Tensor:
        if names == ["branch_pool"]:
            x = nn.functional.avg_pool2d(x, 3, 1, 1)
        for name in names:
            module = self.get_submodule(name)
            x = module(x)
        return x


class Fork(nn.Module):
    """A 1x3 and a 3x1 convolution of the same values."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.a = BasicConv2d(inside, outside, (1, 3))
        self.b = BasicConv2d(inside, outside, (3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, 2 * outside, H, W)."""
        return torch.cat([self.a(x), self.b(x)], 1)


def _chain(prefix: str, inside: int, *steps: tuple[int, Kernel]) -> list[tuple[str, nn.Module]]:
    found: list[tuple[str, nn.Module]] = []
    for number, (outside, kernel) in enumerate(steps, 1):
        found.append((f"{prefix}_{number}", BasicConv2d(inside, outside, kernel)))
        inside = outside
    return found


def _one(name: str, inside: int, outside: int) -> list[tuple[str, nn.Module]]:
    return [(name, BasicConv2d(inside, outside, 1))]


def mixed_5(inside: int, pooled: int) -> Mixed:
    """At 35x35."""
    return Mixed(
        [
            _one("branch1x1", inside, 64),
            _chain("branch5x5", inside, (48, 1), (64, 5)),
            _chain("branch3x3dbl", inside, (64, 1), (96, 3), (96, 3)),
            _one("branch_pool", inside, pooled),
        ],
        "avg",
    )


def mixed_6a(inside: int) -> Mixed:
    """From 35x35 to 17x17."""
    double = _chain("branch3x3dbl", inside, (64, 1), (96, 3))
    double.append(("branch3x3dbl_3", BasicConv2d(96, 96, 3, 2, pad=False)))
    return Mixed([[("branch3x3", BasicConv2d(inside, 384, 3, 2, pad=False))], double], "max")


def mixed_6(inside: int, width: int) -> Mixed:
    """At 17x17, with 7x7 convolutions as rows and columns."""
    return Mixed(
        [
            _one("branch1x1", inside, 192),
            _chain("branch7x7", inside, (width, 1), (width, ROW), (192, COLUMN)),
            _chain(
                "branch7x7dbl", inside, (width, 1), (width, COLUMN), (width, ROW), (width, COLUMN), (192, ROW)
            ),
            _one("branch_pool", inside, 192),
        ],
        "avg",
    )


def mixed_7a(inside: int) -> Mixed:
    """From 17x17 to 8x8."""
    first = [*_chain("branch3x3", inside, (192, 1)), ("branch3x3_2", BasicConv2d(192, 320, 3, 2, pad=False))]
    second = _chain("branch7x7x3", inside, (192, 1), (192, ROW), (192, COLUMN))
    second.append(("branch7x7x3_4", BasicConv2d(192, 192, 3, 2, pad=False)))
    return Mixed([first, second], "max")


def mixed_7(inside: int) -> Mixed:
    """At 8x8, with forks at the ends of two branches."""
    return Mixed(
        [
            _one("branch1x1", inside, 320),
            [*_chain("branch3x3", inside, (384, 1)), ("branch3x3_2", Fork(384, 384))],
            [*_chain("branch3x3dbl", inside, (448, 1), (384, 3)), ("branch3x3dbl_3", Fork(384, 384))],
            _one("branch_pool", inside, 192),
        ],
        "avg",
    )


class InceptionV3(nn.Module):
    """Pictures of (N, 3, 299, 299), float32, to scores of (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            BasicConv2d(3, 32, 3, 2, pad=False),
            BasicConv2d(32, 32, 3, pad=False),
            BasicConv2d(32, 64, 3),
            nn.MaxPool2d(3, 2),
            BasicConv2d(64, 80, 1),
            BasicConv2d(80, 192, 3, pad=False),
            nn.MaxPool2d(3, 2),
            mixed_5(192, 32),
            mixed_5(256, 64),
            mixed_5(288, 64),
            mixed_6a(288),
            mixed_6(768, 128),
            mixed_6(768, 160),
            mixed_6(768, 160),
            mixed_6(768, 192),
            mixed_7a(768),
            mixed_7(1280),
            mixed_7(2048),
            nn.AdaptiveAvgPool2d(1),
        )
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        scores: Tensor = self.fc(torch.flatten(self.features(x), 1))
        return scores
