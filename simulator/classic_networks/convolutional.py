"""Networks of convolutions: LeNet, ResNet, VGG, MobileNetV2 and SqueezeNet, for 1000 classes (LeNet: 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASSES = 1000
# MobileNetV2's stages: how often the channels grow inside, channels, blocks, stride of the first
INVERTED = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0: half the size


def _conv(inside: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, and its batch norm."""
    conv = nn.Conv2d(inside, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class LeNet(nn.Module):
    """LeNet-5 on pictures of 32 x 32 in grey, with ReLU and maxima as it is taught today."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores (n, 10) of pictures (n, 1, 32, 32)."""
        scores: torch.Tensor = self.layers(picture)
        return scores


class Residual(nn.Module):
    """A block of ResNet: two convolutions, or three with a narrow one between, and the way around them."""

    def __init__(self, inside: int, width: int, stride: int, *, deep: bool) -> None:
        super().__init__()
        out = 4 * width if deep else width
        if deep:
            parts = [_conv(inside, width, 1), nn.ReLU(), _conv(width, width, 3, stride), nn.ReLU()]
            self.body = nn.Sequential(*parts, _conv(width, out, 1))
        else:
            self.body = nn.Sequential(_conv(inside, width, 3, stride), nn.ReLU(), _conv(width, out, 3))
        same = stride == 1 and inside == out
        self.around = nn.Identity() if same else _conv(inside, out, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways."""
        return torch.relu(self.body(x) + self.around(x))


class ResNet(nn.Module):
    """ResNet, its stride in the 3 x 3 convolution as in the published weights.

    Args:
        blocks: of each of its four stages.
        deep: whether a block has three convolutions (ResNet-50 and larger).
    """

    def __init__(self, blocks: Sequence[int], *, deep: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        inside = 64
        for stage, count in enumerate(blocks):
            width = 64 * 2**stage
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(Residual(inside, width, stride, deep=deep))
                inside = 4 * width if deep else width
        self.layers = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, CLASSES)
        )

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores (n, 1000) of pictures (n, 3, 224, 224)."""
        scores: torch.Tensor = self.layers(picture)
        return scores


def vgg16() -> nn.Sequential:
    """VGG-16 without batch norm (configuration D)."""
    layers: list[nn.Module] = []
    inside = 3
    for width in VGG:
        layers += [nn.Conv2d(inside, width, 3, 1, 1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        inside = width or inside
    head = (nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU())
    return nn.Sequential(*layers, *head, nn.Linear(4096, CLASSES))


class Inverted(nn.Module):
    """A block of MobileNetV2: wide inside, one filter a channel there, narrow outside."""

    def __init__(self, inside: int, out: int, grow: int, stride: int) -> None:
        super().__init__()
        wide = inside * grow
        first = [_conv(inside, wide, 1), nn.ReLU6()] if grow > 1 else []
        middle = [_conv(wide, wide, 3, stride, groups=wide), nn.ReLU6()]
        self.body = nn.Sequential(*first, *middle, _conv(wide, out, 1))
        self.adds = stride == 1 and inside == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block, and around it where sizes allow."""
        made: torch.Tensor = self.body(x)
        return x + made if self.adds else made


def mobilenet_v2() -> nn.Sequential:
    """MobileNetV2 of width 1."""
    layers: list[nn.Module] = [_conv(3, 32, 3, 2), nn.ReLU6()]
    inside = 32
    for grow, width, count, stride in INVERTED:
        for number in range(count):
            layers.append(Inverted(inside, width, grow, stride if not number else 1))
            inside = width
    layers += [_conv(inside, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1280, CLASSES))


class Fire(nn.Module):
    """A block of SqueezeNet: few channels, then many by two kernels beside each other."""

    def __init__(self, inside: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inside, narrow, 1)
        self.ones = nn.Conv2d(narrow, wide, 1)
        self.threes = nn.Conv2d(narrow, wide, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both kinds of channels, one after the other."""
        small = torch.relu(self.narrow(x))
        return torch.cat([torch.relu(self.ones(small)), torch.relu(self.threes(small))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1."""

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool,
            Fire(64, 16, 64), Fire(128, 16, 64), pool,
            Fire(128, 32, 128), Fire(256, 32, 128), pool,
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
            nn.Conv2d(512, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores (n, 1000) of pictures (n, 3, 224, 224)."""
        scores: torch.Tensor = self.layers(picture)
        return scores
