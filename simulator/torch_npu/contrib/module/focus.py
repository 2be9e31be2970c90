"""YOLOv5's focus: space into channels, then a convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def autopad(k: Any, p: Any = None) -> Any:
    """The padding that keeps the size: half of the kernel, unless one is given."""
    if p is not None:
        return p
    return k // 2 if isinstance(k, int) else [x // 2 for x in k]


class Conv(nn.Module):
    """Convolution, normalization and activation.

    Args:
        c1: channels in.
        c2: channels out.
        k: kernel.
        s: stride.
        p: padding; half of the kernel by default.
        g: groups.
        act: LeakyReLU, or nothing.
    """

    def __init__(
        self, c1: int, c2: int, k: Any = 1, s: Any = 1, p: Any = None, g: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, autopad(k, p), groups=g, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act: nn.Module = nn.LeakyReLU(0.1, inplace=True) if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """All three."""
        found: Tensor = self.act(self.bn(self.conv(x)))
        return found

    def fuseforward(self, x: Tensor) -> Tensor:
        """Without the normalization, once it was folded into the convolution."""
        found: Tensor = self.act(self.conv(x))
        return found


def fast_slice(x: Tensor) -> list[Tensor]:
    """Every second pixel, from the four corners of each square of four."""
    return [x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)]


class Focus(nn.Module):
    """A convolution of images at half the size with four times the channels; arguments as `Conv`."""

    def __init__(
        self, c1: int, c2: int, k: Any = 1, s: Any = 1, p: Any = None, g: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = Conv(c1 * 4, c2, k, s, p, g, act)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, c2, H / 2, W / 2)."""
        found: Tensor = self.conv(torch.cat(fast_slice(x), 1))
        return found
