"""BERT's attention in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from torch_npu._ops._fused import fused
from torch_npu._ops.attention import _dropped
from torch_npu.contrib._checks import deprecated

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["npu_fused_attention", "npu_fused_attention_with_layernorm"]
HEAD = 64


def _attention(
    states: Tensor, mask: Tensor, weights: list[Tensor], biases: list[Tensor], scale: float, keep: float
) -> Tensor:
    """Attention with heads of 64 of (batch · length, width) states."""
    batch = mask.shape[0]
    q, k, v = (
        functional.linear(states, w.t(), b).view(batch, -1, states.shape[1] // HEAD, HEAD).transpose(1, 2)
        for w, b in zip(weights, biases, strict=True)
    )
    scores = q @ k.transpose(-1, -2) * scale + mask
    context = _dropped(torch.softmax(scores.float(), -1).to(v.dtype), keep) @ v
    return context.transpose(1, 2).reshape(states.shape)


@fused("AttentionScore", "attention")
def _fused_attention(
    states: Tensor, mask: Tensor, weights: list[Tensor], biases: list[Tensor], scale: float, keep: float
) -> Tensor:
    return _attention(states, mask, weights, biases, scale, keep)


@fused("AttentionLnQKV", "attention")
def _fused_with_norm(
    states: Tensor,
    mask: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    norm: list[Tensor],
    scale: float,
    keep: float,
) -> tuple[Tensor, Tensor]:
    normal = functional.layer_norm(states, (states.shape[-1],), norm[0], norm[1])
    return _attention(normal, mask, weights, biases, scale, keep), normal


def npu_fused_attention(
    hidden_states: Tensor,
    attention_mask: Tensor,
    query_kernel: Tensor,
    key_kernel: Tensor,
    value_kernel: Tensor,
    query_bias: Tensor,
    key_bias: Tensor,
    value_bias: Tensor,
    scale: float = 1,
    keep_prob: float = 0,
) -> Tensor:
    """Projections and attention with heads of 64.

    Args:
        hidden_states: (batch · length, width).
        attention_mask: (batch, 1, length, length), added to the scores.
        query_kernel: (width, width), applied from the right.
        key_kernel: the same.
        value_kernel: the same.
        query_bias: (width,).
        key_bias: the same.
        value_bias: the same.
        scale: of the scores.
        keep_prob: of the weights; 0 keeps all, as the real default does.
    """
    weights, biases = [query_kernel, key_kernel, value_kernel], [query_bias, key_bias, value_bias]
    found: Tensor = _fused_attention(hidden_states, attention_mask, weights, biases, scale, keep_prob or 1.0)
    return found


def npu_fused_attention_with_layernorm(
    hidden_states: Tensor,
    attention_mask: Tensor,
    query_kernel: Tensor,
    key_kernel: Tensor,
    value_kernel: Tensor,
    query_bias: Tensor,
    key_bias: Tensor,
    value_bias: Tensor,
    gamma: Tensor,
    beta: Tensor,
    scale: float = 1,
    keep_prob: float = 0,
) -> tuple[Tensor, Tensor]:
    """`npu_fused_attention` of normalized states; returns the result and the normalized states."""
    deprecated(
        "torch_npu.contrib.npu_fused_attention_with_layernorm",
        "torch_npu.npu_fusion_attention and torch.nn.LayerNorm",
    )
    weights, biases = [query_kernel, key_kernel, value_kernel], [query_bias, key_bias, value_bias]
    found: tuple[Tensor, Tensor] = _fused_with_norm(
        hidden_states, attention_mask, weights, biases, [gamma, beta], scale, keep_prob or 1.0
    )
    return found
