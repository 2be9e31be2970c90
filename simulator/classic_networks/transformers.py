"""Transformers: ViT-B/16 (Dosovitskiy et al., 2021; timm's names) and BERT-base (Devlin et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WORDS, POSITIONS, KINDS = 30522, 512, 2  # bert-base-uncased


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention of (N, heads, tokens, width), written out as exporters leave it."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-2, -1))
    return torch.matmul(torch.softmax(scores, -1), v)


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) to the same."""
        made: Tensor = self.fc2(nn.functional.gelu(self.fc1(x)))
        return made


class Attention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) to the same."""
        n, tokens, width = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        made = attend(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape(n, tokens, width)
        out: Tensor = self.proj(made)
        return out


class Block(nn.Module):
    """Attention and MLP, each after its normalisation and around a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) to the same."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Patches(nn.Module):
    """A picture as a row of patches."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, patches, width)."""
        made: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return made


class VisionTransformer(nn.Module):
    """ViT-B/16: pictures of (N, 3, 224, 224), float32, to scores of (N, classes)."""

    def __init__(self, classes: int = 1000, width: int = 768, depth: int = 12, heads: int = 12) -> None:
        super().__init__()
        self.patch_embed = Patches(16, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 14 * 14 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores before softmax."""
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        scores: Tensor = self.head(self.norm(self.blocks(x))[:, 0])
        return scores


class BertLayer(nn.Module):
    """A layer of BERT: the normalisations come after the shortcuts."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dense = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.mlp = Mlp(width, 4 * width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(N, tokens, width) to the same; `mask` of (N, 1, 1, tokens) is added to the scores."""
        n, tokens, width = x.shape

        def split(values: Tensor) -> Tensor:
            return values.reshape(n, tokens, self.heads, width // self.heads).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = torch.matmul(q, k.transpose(-2, -1)) / (width // self.heads) ** 0.5 + mask
        made = torch.matmul(torch.softmax(scores, -1), v).transpose(1, 2).reshape(n, tokens, width)
        x = self.norm1(x + self.dense(made))
        out: Tensor = self.norm2(x + self.mlp(x))
        return out


class BertBase(nn.Module):
    """BERT-base, uncased: words, mask and segments of (N, tokens), int64, to what a question answerer needs.

    The two outputs are the scores of each token as the answer's begin and as its end, (N, tokens).
    """

    def __init__(self, width: int = 768, depth: int = 12, heads: int = 12) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(WORDS, width)
        self.position_embeddings = nn.Embedding(POSITIONS, width)
        self.token_type_embeddings = nn.Embedding(KINDS, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer(width, heads) for _ in range(depth))
        self.qa_outputs = nn.Linear(width, 2)

    def forward(self, words: Tensor, mask: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of begin and end."""
        places = torch.arange(words.shape[1], device=words.device)
        x = self.word_embeddings(words) + self.position_embeddings(places)
        x = self.norm(x + self.token_type_embeddings(segments))
        # -10000 and not -inf: the original's number, which float16 holds
        shift = (1.0 - mask[:, None, None, :].float()) * -10000.0
        for layer in self.layers:
            x = layer(x, shift)
        begin, end = self.qa_outputs(x).unbind(-1)
        return begin, end
