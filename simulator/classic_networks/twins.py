"""Twins-PCPVT-S (Chu et al., 2021): a pyramid of transformers with positions from a convolution."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from classic_networks.transformers import Mlp, attend


class Stage(NamedTuple):
    """A row of the paper's table: width, heads, factor of the MLP, blocks, reduction of keys, patch."""

    width: int
    heads: int
    mlp: int
    depth: int
    reduction: int
    patch: int


SMALL = (
    Stage(64, 1, 8, 3, 8, 4),
    Stage(128, 2, 8, 4, 4, 2),
    Stage(320, 5, 4, 6, 2, 2),
    Stage(512, 8, 4, 3, 1, 2),
)


class PatchEmbed(nn.Module):
    """Patches of a map as tokens, normalised."""

    def __init__(self, inside: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inside, width, patch, patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        """(N, inside, H, W) to (N, tokens, width), and the map's height and width."""
        x = self.proj(x)
        height, width = x.shape[2:]
        return self.norm(x.flatten(2).transpose(1, 2)), height, width


class ReducedAttention(nn.Module):
    """Attention of all tokens to a map that a convolution made smaller."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.heads = stage.heads
        self.q = nn.Linear(stage.width, stage.width)
        self.kv = nn.Linear(stage.width, 2 * stage.width)
        self.proj = nn.Linear(stage.width, stage.width)
        self.sr: nn.Module | None = None
        if stage.reduction > 1:
            self.sr = nn.Conv2d(stage.width, stage.width, stage.reduction, stage.reduction)
            self.norm = nn.LayerNorm(stage.width)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """(N, tokens, channels) to the same."""
        n, tokens, channels = x.shape
        split = channels // self.heads
        q = self.q(x).reshape(n, tokens, self.heads, split).transpose(1, 2)
        if self.sr is not None:
            x = self.sr(x.transpose(1, 2).reshape(n, channels, height, width))
            x = self.norm(x.flatten(2).transpose(1, 2))
        kv = self.kv(x).reshape(n, -1, 2, self.heads, split).permute(2, 0, 3, 1, 4)
        made = attend(q, kv[0], kv[1]).transpose(1, 2).reshape(n, tokens, channels)
        out: Tensor = self.proj(made)
        return out


class PyramidBlock(nn.Module):
    """Attention and MLP, each after its normalisation and around a shortcut."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(stage.width, eps=1e-6)
        self.attn = ReducedAttention(stage)
        self.norm2 = nn.LayerNorm(stage.width, eps=1e-6)
        self.mlp = Mlp(stage.width, stage.mlp * stage.width)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """(N, tokens, channels) to the same."""
        x = x + self.attn(self.norm1(x), height, width)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PositionalEncoding(nn.Module):
    """Each channel convolved and added: where a token stands, without a table."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """(N, tokens, channels) to the same."""
        n, tokens, channels = x.shape
        spread = x.transpose(1, 2).reshape(n, channels, height, width)
        out: Tensor = (self.proj(spread) + spread).flatten(2).transpose(1, 2).reshape(n, tokens, channels)
        return out


class Twins(nn.Module):
    """Pictures of (N, 3, 224, 224), float32, to scores of (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        insides = (3, *(stage.width for stage in SMALL[:-1]))
        self.patch_embeds = nn.ModuleList(
            PatchEmbed(i, s.width, s.patch) for i, s in zip(insides, SMALL, strict=True)
        )
        self.blocks = nn.ModuleList(nn.ModuleList(PyramidBlock(s) for _ in range(s.depth)) for s in SMALL)
        self.pos_block = nn.ModuleList(PositionalEncoding(s.width) for s in SMALL)
        self.norm = nn.LayerNorm(SMALL[-1].width, eps=1e-6)
        self.head = nn.Linear(SMALL[-1].width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        for number, stage in enumerate(SMALL):
            tokens, height, width = self.patch_embeds[number](x)
            blocks = self.blocks[number]
            for place in range(stage.depth):
                tokens = blocks[place](tokens, height, width)  # type: ignore[index]
                if place == 0:
                    tokens = self.pos_block[number](tokens, height, width)
            x = tokens.transpose(1, 2).reshape(x.shape[0], stage.width, height, width)
        made = self.norm(x.flatten(2).transpose(1, 2)).mean(1)
        scores: Tensor = self.head(made)
        return scores


def twins_pcpvt_s() -> nn.Module:
    """Twins-PCPVT-S."""
    return Twins()
