"""Mask, softmax and dropout of attention scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from torch_npu._ops.attention import npu_dropout_with_add_softmax

if TYPE_CHECKING:
    from torch import Tensor

FAST_SIZES = (128, 256, 384, 512)
FAST_BATCH = 32


def fuse_add_softmax_dropout(
    training: bool,
    dropout: Any,
    attn_mask: Tensor,
    attn_scores: Tensor,
    attn_head_size: float,
    p: float = 0.5,
    dim: int = -1,
) -> Tensor:
    """dropout(softmax(mask + scores / √head size)), in one launch where the sizes allow it.

    Args:
        training: whether to drop.
        dropout: the module that drops where the fused operator does not serve.
        attn_mask: added.
        attn_scores: (N, C, H, W).
        attn_head_size: width of a head.
        p: probability of an element to be dropped.
        dim: of the softmax; always the last.
    """
    n, c, height, _ = attn_scores.shape
    factor = 1 / math.sqrt(attn_head_size)
    if height in FAST_SIZES and n * c % FAST_BATCH == 0:
        dropped: Tensor = npu_dropout_with_add_softmax(
            attn_scores, attn_mask, factor, p if training else 0.0, -1
        )[2]
        return dropped
    scores = torch.add(attn_mask, attn_scores, alpha=factor)
    found: Tensor = dropout(functional.softmax(scores, dim=-1))
    return found
