"""Networks for small devices, with torchvision's names of parameters.

MobileNetV2 (Sandler et al., 2018) and SqueezeNet 1.1 (Iandola et al., 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# expansion, channels, repeats, stride: table 2 of the paper
MOBILE = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# squeeze, expand; None is a pool
FIRES = (
    None,
    (16, 64),
    (16, 64),
    None,
    (32, 128),
    (32, 128),
    None,
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)


def _conv(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inside * expansion
        self.joined = stride == 1 and inside == outside
        layers = [_conv(inside, hidden, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *layers,
            _conv(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, outside, H/stride, W/stride)."""
        made: Tensor = self.conv(x)
        return x + made if self.joined else made


class MobileNetV2(nn.Module):
    """Pictures of (N, 3, 224, 224), float32, to scores of (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, 32, 3, 2)]
        inside = 32
        for expansion, channels, repeats, stride in MOBILE:
            for place in range(repeats):
                layers.append(InvertedResidual(inside, channels, stride if place == 0 else 1, expansion))
                inside = channels
        self.features = nn.Sequential(*layers, _conv(inside, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        x = nn.functional.adaptive_avg_pool2d(self.features(x), 1)
        scores: Tensor = self.classifier(torch.flatten(x, 1))
        return scores


class Fire(nn.Module):
    """Squeeze by a 1x1 convolution, expand by 1x1 and 3x3 ones side by side."""

    def __init__(self, inside: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inside, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, 2 * expanded, H, W)."""
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """Pictures of (N, 3, 224, 224), float32, to scores of (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 2), nn.ReLU()]
        inside = 64
        for entry in FIRES:
            if entry is None:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            else:
                layers.append(Fire(inside, *entry))
                inside = 2 * entry[1]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(inside, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        return torch.flatten(self.classifier(self.features(x)), 1)
