"""Transformers: ViT-B/16 and Twins-PCPVT-S on pictures, BERT-base on texts."""

from __future__ import annotations

import torch
from torch import nn

WIDTH, LAYERS, HEADS = 768, 12, 12
CLASSES, WORDS, LONGEST = 1000, 30522, 512


class Attention(nn.Module):
    """Self-attention of 12 heads."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, 768) to the same."""
        n, tokens, _ = x.shape
        parts = self.into(x).reshape(n, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = torch.softmax(query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5, -1)
        made: torch.Tensor = self.out((weights @ value).transpose(1, 2).reshape(n, tokens, WIDTH))
        return made


class Layer(nn.Module):
    """Attention and two linear layers, each with a way around it.

    Args:
        norm_first: whether the norms are before them (ViT) or after (BERT).
        epsilon: of the norms.
    """

    def __init__(self, *, norm_first: bool, epsilon: float) -> None:
        super().__init__()
        self.attention = Attention()
        self.linear = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, epsilon) for _ in range(2))
        self.norm_first = norm_first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, 768) to the same."""
        for part, norm in zip((self.attention, self.linear), self.norms, strict=True):
            x = x + part(norm(x)) if self.norm_first else norm(x + part(x))
        return x


class VisionTransformer(nn.Module):
    """ViT-B/16: pictures of 224 x 224 as 196 patches and a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.places = nn.Parameter(torch.empty(1, 197, WIDTH))
        nn.init.normal_(self.places, std=0.02)
        layers = [Layer(norm_first=True, epsilon=1e-6) for _ in range(LAYERS)]
        self.layers = nn.Sequential(*layers, nn.LayerNorm(WIDTH, 1e-6))
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores (n, 1000) of pictures (n, 3, 224, 224)."""
        patches = self.patches(picture).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(patches.shape[0], -1, -1), patches], 1) + self.places
        scores: torch.Tensor = self.head(self.layers(x)[:, 0])
        return scores


class Bert(nn.Module):
    """BERT-base (uncased) with its pooler, for one text without padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.layers = nn.Sequential(*(Layer(norm_first=False, epsilon=1e-12) for _ in range(LAYERS)))
        self.pooler = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The first token's (n, 768) of texts (n, length), numbers of tokens as int64."""
        places = self.places.weight[: tokens.shape[1]]
        x = self.norm(self.words(tokens) + places + self.kinds.weight[0])
        return torch.tanh(self.pooler(self.layers(x)[:, 0]))


class Reduced(nn.Module):
    """Self-attention whose keys and values come from a coarser picture.

    Args:
        width: channels.
        heads: of the attention.
        step: how much coarser each way.
    """

    def __init__(self, width: int, heads: int, step: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.pair = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.coarser = nn.Conv2d(width, width, step, step) if step > 1 else None
        self.norm = nn.LayerNorm(width) if step > 1 else nn.Identity()

    def forward(self, x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """(n, rows * columns, width) to the same."""
        n, tokens, width = x.shape
        small = x
        if self.coarser is not None:
            small = (
                self.coarser(x.transpose(1, 2).reshape(n, width, rows, columns)).flatten(2).transpose(1, 2)
            )
        query = self.query(x).reshape(n, tokens, self.heads, -1).transpose(1, 2)
        pair = self.pair(self.norm(small)).reshape(n, small.shape[1], 2, self.heads, width // self.heads)
        key, value = pair.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5, -1)
        made: torch.Tensor = self.out((weights @ value).transpose(1, 2).reshape(n, tokens, width))
        return made


class Pyramid(nn.Module):
    """A block of Twins-PCPVT: attention over a coarser picture, and two linear layers."""

    def __init__(self, width: int, heads: int, step: int, grow: int) -> None:
        super().__init__()
        self.attention = Reduced(width, heads, step)
        self.linear = nn.Sequential(nn.Linear(width, grow * width), nn.GELU(), nn.Linear(grow * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width, 1e-6) for _ in range(2))

    def forward(self, x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """(n, rows * columns, width) to the same."""
        x = x + self.attention(self.norms[0](x), rows, columns)
        made: torch.Tensor = x + self.linear(self.norms[1](x))
        return made


class Stage(nn.Module):
    """A stage of Twins-PCPVT: patches, blocks, and after the first a convolution that tells places."""

    def __init__(self, inside: int, patch: int, blocks: int, **sizes: int) -> None:
        super().__init__()
        width = sizes["width"]
        self.patches, self.norm = nn.Conv2d(inside, width, patch, patch), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Pyramid(**sizes) for _ in range(blocks))
        self.places = nn.Conv2d(width, width, 3, 1, 1, groups=width)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """A picture to a smaller one with more channels."""
        made = self.patches(picture)
        n, width, rows, columns = made.shape
        x = self.norm(made.flatten(2).transpose(1, 2))
        for number, block in enumerate(self.blocks):
            x = block(x, rows, columns)
            if not number:
                seen = x.transpose(1, 2).reshape(n, width, rows, columns)
                x = (self.places(seen) + seen).flatten(2).transpose(1, 2)
        smaller: torch.Tensor = x.transpose(1, 2).reshape(n, width, rows, columns)
        return smaller


class Twins(nn.Module):
    """Twins-PCPVT-S."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            Stage(3, 4, 3, width=64, heads=1, step=8, grow=8),
            Stage(64, 2, 4, width=128, heads=2, step=4, grow=8),
            Stage(128, 2, 6, width=320, heads=5, step=2, grow=4),
            Stage(320, 2, 3, width=512, heads=8, step=1, grow=4),
        )
        self.norm, self.head = nn.LayerNorm(512, 1e-6), nn.Linear(512, CLASSES)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores (n, 1000) of pictures (n, 3, 224, 224)."""
        x = self.stages(picture).flatten(2).transpose(1, 2)
        scores: torch.Tensor = self.head(self.norm(x).mean(1))
        return scores
