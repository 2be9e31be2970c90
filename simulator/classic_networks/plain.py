"""Networks without branches: LeNet-5 (LeCun et al., 1998) and VGG-16 (Simonyan and Zisserman, 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


class LeNet(nn.Module):
    """Digits of (N, 1, 28, 28), float32, to scores of (N, 10): the usual modern form, with ReLU."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc2(torch.relu(self.fc1(torch.flatten(x, 1)))))
        scores: Tensor = self.fc3(x)
        return scores


class VGG(nn.Module):
    """Pictures of (N, 3, 224, 224), float32, to scores of (N, classes); torchvision's names."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = 3
        for entry in VGG16:
            if isinstance(entry, str):
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(inside, entry, 3, padding=1), nn.ReLU()]
                inside = entry
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(inside * 49, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        scores: Tensor = self.classifier(torch.flatten(self.features(x), 1))
        return scores
