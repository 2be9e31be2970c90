"""The network: a small transformer over the columns of a picture."""

import torch
from flash_attn import flash_attn_func
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).unbind(2)
        return self.out(flash_attn_func(q, k, v, causal=True).reshape(batch, length, width))


class Reader(nn.Module):
    def __init__(self, width=128, signs=96):
        super().__init__()
        self.columns = nn.Linear(64, width)
        self.attention = Attention(width, 4)
        self.head = nn.Linear(width, signs)

    def forward(self, pictures, texts):
        y = self.head(self.attention(self.columns(pictures)))
        return torch.nn.functional.cross_entropy(y.flatten(0, 1), texts.flatten())
