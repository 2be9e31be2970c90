"""fairseq's attention over `torch_npu.npu_multi_head_attention`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from torch_npu._ops.attention import npu_multi_head_attention
from torch_npu._ops.layout import npu_confusion_transpose
from torch_npu.contrib._checks import value_error
from torch_npu.contrib.function.matmul_transpose import matmul_transpose
from torch_npu.contrib.module.ensemble_dropout import NpuCachedDropout

__all__ = ["Matmul_transpose", "MultiheadAttention"]


def Matmul_transpose(tensor1: Tensor, tensor2: Tensor) -> Tensor:  # noqa: N802 - the real name
    """tensor1 @ tensor2ᵀ, of the last two dimensions."""
    return matmul_transpose(tensor1, tensor2)


class MultiheadAttention(nn.Module):
    """Attention with several heads, of (length · batch, width) tensors.

    Args:
        embed_dim: width.
        num_heads: how many heads.
        kdim: width of the keys; that of the queries by default.
        vdim: width of the values; the same.
        dropout: probability of a weight to be dropped.
        bias: of the projections.
        add_bias_kv: a learned key and value more.
        add_zero_attn: kept, as in the real one.
        self_attention: queries, keys and values are the same.
        encoder_decoder_attention: keys and values come from the encoder.
        q_noise: 0; noise of quantization is not simulated.
        qn_block_size: of that noise.

    Raises:
        ValueError: the heads do not divide the width, or widths differ in self-attention.
        NotImplementedError: q_noise is not 0.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        kdim: int | None = None,
        vdim: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        self_attention: bool = False,
        encoder_decoder_attention: bool = False,
        q_noise: float = 0.0,
        qn_block_size: int = 8,
    ) -> None:
        super().__init__()
        if q_noise:
            raise NotImplementedError(f"q_noise={q_noise} is not simulated: leave it at 0.")
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.qkv_same_dim = self.kdim == self.vdim == embed_dim
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise value_error("embed_dim must be divisible by num_heads")
        if self_attention and not self.qkv_same_dim:
            raise value_error("Self-attention requires query, key and value to be of the same size")
        self.scaling = self.head_dim**-0.5
        self.self_attention, self.encoder_decoder_attention = self_attention, encoder_decoder_attention
        self.dropout_prob = dropout
        self.dropout_module = NpuCachedDropout(dropout, module_name=type(self).__name__)
        self.k_proj = nn.Linear(self.kdim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(self.vdim, embed_dim, bias=bias)
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.bias_k = nn.Parameter(torch.empty(1, 1, embed_dim)) if add_bias_kv else None
        self.bias_v = nn.Parameter(torch.empty(1, 1, embed_dim)) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self.onnx_trace = self.tpu = False
        self.reset_parameters()

    def prepare_for_onnx_export_(self) -> None:
        """Marks the module as traced."""
        self.onnx_trace = True

    def prepare_for_tpu_(self, **kwargs: Any) -> None:
        """Marks the module as fairseq does."""
        self.tpu = True

    def reset_parameters(self) -> None:
        """Begins with random projections."""
        gain = 1 / math.sqrt(2) if self.qkv_same_dim else 1.0
        for projection in (self.k_proj, self.v_proj, self.q_proj):
            nn.init.xavier_uniform_(projection.weight, gain=gain)
        nn.init.xavier_uniform_(self.out_proj.weight)
        if self.out_proj.bias is not None:
            nn.init.zeros_(self.out_proj.bias)
        for more in (self.bias_k, self.bias_v):
            if more is not None:
                nn.init.xavier_normal_(more)

    def transpose_for_scores(self, x: Tensor) -> Tensor:
        """(batch · length, width) by heads; `batch_size` and `squence_length` are set by the caller."""
        shape = (self.batch_size, self.squence_length, self.num_heads, self.head_dim)
        found: Tensor = npu_confusion_transpose(x, (0, 2, 1, 3), shape, transpose_first=False)
        return found

    batch_size: int
    squence_length: int

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        bsz: int,
        tgt_len: int,
        s_len: int,
        key_padding_mask: Tensor | None = None,
        incremental_state: Any = None,
        need_weights: bool = True,
        static_kv: bool = False,
        attn_mask: Tensor | None = None,
        before_softmax: bool = False,
        need_head_weights: bool = False,
    ) -> tuple[Tensor, None]:
        """Attention of (batch · length, width) tensors; returns the result and None.

        Args:
            query: (bsz · tgt_len, width).
            key: (bsz · source length, width).
            value: the same.
            bsz: how many sequences.
            tgt_len: length of the queries.
            s_len: length of the keys.
            key_padding_mask: (bsz, heads or 1, tgt_len, source length), added to the scores.
            incremental_state: not used.
            need_weights: not used, as in the real one.
            static_kv: not used.
            attn_mask: not used.
            before_softmax: not used.
            need_head_weights: not used.
        """
        return self.multi_attn(query, key, value, key_padding_mask, bsz, tgt_len), None

    def multi_attn(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any, bsz: int, tgt_len: int
    ) -> Tensor:
        """The fused operator."""
        src_len = key.size(0) // bsz
        if key_padding_mask is None:
            key_padding_mask = query.new_zeros(bsz, 1, tgt_len, src_len)
        found: Tensor = npu_multi_head_attention(
            query,
            key,
            value,
            self.q_proj.weight,
            self.k_proj.weight,
            self.v_proj.weight,
            key_padding_mask,
            self.out_proj.weight,
            self.q_proj.bias,
            self.k_proj.bias,
            self.v_proj.bias,
            self.out_proj.bias,
            None,
            self.num_heads,
            self.head_dim,
            src_len,
            tgt_len,
            self.dropout_prob if self.training else 0.0,
            softmax_use_float=True,
        )[0]
        return found

    @staticmethod
    def apply_sparse_mask(attn_weights: Tensor, tgt_len: int, src_len: int, bsz: int) -> Tensor:
        """The weights as they are: sparse attention would mask them."""
        return attn_weights

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Splits the one projection of older checkpoints into three, in place."""
        prefix = f"{name}." if name else ""
        for kind in ("weight", "bias"):
            joined = state_dict.pop(f"{prefix}in_proj_{kind}", None)
            if joined is None:
                continue
            for part, projection in zip(joined.chunk(3), ("q_proj", "k_proj", "v_proj"), strict=True):
                state_dict[f"{prefix}{projection}.{kind}"] = part
