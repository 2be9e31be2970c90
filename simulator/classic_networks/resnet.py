"""ResNet-18, -34, -50 and -101 (He et al., 2016), with torchvision's names of parameters.

The stride of a bottleneck is at its 3x3 convolution, as in torchvision (ResNet v1.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (64, 128, 256, 512)


def _shortcut(inside: int, outside: int, stride: int) -> nn.Module | None:
    if stride == 1 and inside == outside:
        return None
    return nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inside, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, width, H/stride, W/stride)."""
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, and a shortcut."""

    expansion = 4

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = width * self.expansion
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample = _shortcut(inside, outside, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, 4 * width, H/stride, W/stride)."""
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(out)))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Pictures of (N, 3, 224, 224), float32, to scores of (N, classes)."""

    def __init__(
        self, block: type[BasicBlock | Bottleneck], repeats: Sequence[int], classes: int = 1000
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = 64
        for number, (width, count) in enumerate(zip(WIDTHS, repeats, strict=True), 1):
            blocks = []
            for place in range(count):
                blocks.append(block(inside, width, 2 if number > 1 and place == 0 else 1))
                inside = width * block.expansion
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        scores: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return scores


def resnet18() -> nn.Module:
    """ResNet-18."""
    return ResNet(BasicBlock, (2, 2, 2, 2))


def resnet34() -> nn.Module:
    """ResNet-34."""
    return ResNet(BasicBlock, (3, 4, 6, 3))


def resnet50() -> nn.Module:
    """ResNet-50."""
    return ResNet(Bottleneck, (3, 4, 6, 3))


def resnet101() -> nn.Module:
    """ResNet-101."""
    return ResNet(Bottleneck, (3, 4, 23, 3))
