"""The trainings whose profiles are compared: small, plain PyTorch, mixed precision as one runs it on a GPU.

Each is a function of a device that gives a function which trains one step. Run it on `npu:0` to have the
other half of the comparison.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable


def classifier(device: str) -> Callable[[], Tensor]:
    """Images of 64 x 64 in ten classes: four convolutions with batch norm, SGD with momentum, batch 64."""
    torch.manual_seed(0)
    widths = (3, 32, 64, 128, 256)
    blocks = [
        part for i, o in pairwise(widths) for part in (nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.ReLU())
    ]
    net = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, foreach=False)
    images, labels = torch.randn(64, 3, 64, 64), torch.randint(0, 10, (64,))
    return _step(device, optimizer, lambda x, y: functional.cross_entropy(net(x), y), images, labels)


def transformer(device: str) -> Callable[[], Tensor]:
    """Two encoder layers of width 256 over 32 sequences of 64 tokens, attention written out, AdamW."""
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {
            "embed": nn.Embedding(1000, 256),
            "head": nn.Linear(256, 1000),
            **{f"qkv{i}": nn.Linear(256, 768) for i in range(2)},
            **{f"out{i}": nn.Linear(256, 256) for i in range(2)},
            **{f"wide{i}": nn.Linear(256, 1024) for i in range(2)},
            **{f"narrow{i}": nn.Linear(1024, 256) for i in range(2)},
            **{f"norm{i}": nn.LayerNorm(256) for i in range(4)},
        }
    ).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, foreach=False)

    def loss(tokens: Tensor, targets: Tensor) -> Tensor:
        x = net["embed"](tokens)
        for i in range(2):
            q, k, v = net[f"qkv{i}"](net[f"norm{2 * i}"](x)).view(32, 64, 3, 8, 32).permute(2, 0, 3, 1, 4)
            mixed = (q @ k.transpose(-2, -1) * 32**-0.5).softmax(-1) @ v
            x = x + net[f"out{i}"](mixed.transpose(1, 2).reshape(32, 64, 256))
            x = x + net[f"narrow{i}"](functional.gelu(net[f"wide{i}"](net[f"norm{2 * i + 1}"](x))))
        return functional.cross_entropy(net["head"](x).flatten(0, 1), targets.flatten())

    tokens = torch.randint(0, 1000, (32, 64))
    return _step(device, optimizer, loss, tokens, tokens.roll(1, 1))


def _step(
    device: str,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
) -> Callable[[], Tensor]:
    """One step in mixed precision, without a loss scaler: the losses here are large enough."""

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device.partition(":")[0], dtype=torch.float16):
            value = loss(inputs.to(device), targets.to(device))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return value.detach()

    return step


TRAININGS = {"classifier": classifier, "transformer": transformer}
