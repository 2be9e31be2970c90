"""Attention, rotary positions, masked softmax."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, generator, invalid, not_simulated

# How each layout orders batch, sequence, heads and their width; T is all sequences one after the other.
_LAYOUTS = ("BSH", "SBH", "BSND", "BNSD", "TND")
_CAUSAL = {2: "left", 3: "right"}
_BAND = 4
_ALL = 1


def _rotate_half(x: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return torch.cat([-right, left], dim=-1)


def _rotate_pairs(x: Tensor) -> Tensor:
    return torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)


@fused("RotaryPositionEmbedding")
def npu_rotary_mul(
    input: Tensor, r1: Tensor, r2: Tensor, rotary_mode: str = "half", rotate: Tensor | None = None
) -> Tensor:
    """Rotary position embedding: input · r1 + rotated input · r2.

    Args:
        input: 3 or 4 dimensions, the last even.
        r1: cosines, broadcast.
        r2: sines, broadcast.
        rotary_mode: "half" rotates halves of the last dimension, "interleave" pairs of neighbours.
        rotate: a matrix that rotates instead.

    Raises:
        RuntimeError: another mode.
    """
    if rotate is not None:
        rotated = input @ rotate
    elif rotary_mode == "half":
        rotated = _rotate_half(input)
    elif rotary_mode == "interleave":
        rotated = _rotate_pairs(input)
    else:
        raise invalid(f"rotary_mode must be 'half' or 'interleave', but got {rotary_mode!r}.")
    return (input * r1 + rotated * r2).to(input.dtype)


@fused("ApplyRotaryPosEmb")
def npu_apply_rotary_pos_emb(
    query: Tensor, key: Tensor, cos: Tensor, sin: Tensor, layout: str = "BSND", rotary_mode: str = "half"
) -> tuple[Tensor, Tensor]:
    """`npu_rotary_mul` of query and key together."""
    rotate = _rotate_half if rotary_mode == "half" else _rotate_pairs
    return query * cos + rotate(query) * sin, key * cos + rotate(key) * sin


@fused("ScaledMaskedSoftmax", "softmax")
def npu_scaled_masked_softmax(
    x: Tensor, mask: Tensor, scale: float = 1.0, fixed_triu_mask: bool = False
) -> Tensor:
    """Softmax of scaled logits over the last dimension; where the mask is True an element has no weight.

    Raises:
        RuntimeError: fixed_triu_mask, which the device does not have.
    """
    if fixed_triu_mask:
        raise invalid("fixed_triu_mask only supports False.")
    scores = (x.float() * scale).masked_fill(mask, -10000.0)
    return torch.softmax(scores, -1).to(x.dtype)


@fused("MaskedSoftmaxWithRelPosBias", "softmax", differentiable=False)
def npu_masked_softmax_with_rel_pos_bias(
    x: Tensor,
    atten_mask: Tensor | None,
    relative_pos_bias: Tensor,
    scale_value: float = 1.0,
    inner_precision_mode: int = 0,
) -> Tensor:
    """softmax(scale · x + mask + bias) over the last dimension, as in attention within windows.

    Args:
        x: (batch, windows, heads, rows, columns), or (batch * windows, heads, rows, columns).
        atten_mask: added to x, or None.
        relative_pos_bias: added to x.
        scale_value: what x is multiplied with.
        inner_precision_mode: accepted; 0.
    """
    scores = x.float() * scale_value + relative_pos_bias.float()
    if atten_mask is not None:
        scores = scores + atten_mask.float()
    return torch.softmax(scores, -1).to(x.dtype)


@fused("DropoutWithMulsAndSoftmaxGrad", "softmax")
def npu_dropout_with_add_softmax(
    self: Tensor, x1: Tensor, alpha: float, prob: float, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """softmax(x1 + alpha · self), and its dropout.

    Args:
        self: (N, C, H, W).
        x1: of the same shape.
        alpha: a factor.
        prob: of an element to be dropped.
        dim: of the softmax.

    Returns:
        The mask of kept elements (uint8), the softmax, and the softmax after dropout.
    """
    soft = torch.softmax(x1 + self * alpha, dim)
    mask = torch.empty_like(soft, dtype=torch.uint8).bernoulli_(1 - prob, generator=generator())
    return mask, soft, soft * mask / (1 - prob) if prob < 1 else soft * 0


def _dropped(weights: Tensor, keep: float) -> Tensor:
    if keep >= 1:
        return weights
    return weights * torch.empty_like(weights).bernoulli_(keep, generator=generator()) / keep


@fused("AttentionScore", "attention")
def npu_fused_attention_score(
    query_layer: Tensor,
    key_layer: Tensor,
    value_layer: Tensor,
    attention_mask: Tensor,
    scale: float,
    keep_prob: float,
    query_transpose: bool = False,
    key_transpose: bool = False,
    bmm_score_transpose_a: bool = False,
    bmm_score_transpose_b: bool = False,
    value_transpose: bool = False,
    dx_transpose: bool = False,
) -> Tensor:
    """softmax(q kᵀ · scale + mask) v of (batch, heads, length, width), as (batch · length, heads · width).

    Raises:
        NotImplementedError: one of the transposes.
    """
    if query_transpose or key_transpose or value_transpose or bmm_score_transpose_a or bmm_score_transpose_b:
        raise not_simulated("npu_fused_attention_score", "transposes", "transpose the tensors first")
    scores = query_layer @ key_layer.transpose(-1, -2) * scale + attention_mask
    weights = _dropped(torch.softmax(scores.float(), -1).to(value_layer.dtype), keep_prob)
    context = (weights @ value_layer).transpose(1, 2)
    return context.reshape(context.shape[0] * context.shape[1], -1)


def _heads(x: Tensor, layout: str, heads: int) -> Tensor:
    """A tensor of any layout but TND as (batch, heads, sequence, width)."""
    if layout == "BNSD":
        return x
    if layout == "BSND":
        return x.transpose(1, 2)
    if layout == "SBH":
        x = x.transpose(0, 1)
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _laid_out(x: Tensor, layout: str) -> Tensor:
    """(batch, heads, sequence, width) in a layout."""
    if layout == "BNSD":
        return x
    x = x.transpose(1, 2)
    if layout == "BSND":
        return x
    x = x.flatten(2)
    return x.transpose(0, 1) if layout == "SBH" else x


def _hidden(
    mask: Tensor | None, rows: int, columns: int, mode: int, before: int, after: int
) -> Tensor | None:
    """Which keys a query does not see (True), by sparse_mode; a compressed mask is drawn in full."""
    row, column = torch.arange(rows).view(-1, 1), torch.arange(columns).view(1, -1)
    if mode in _CAUSAL:
        return column > row + (0 if _CAUSAL[mode] == "left" else columns - rows)
    if mode == _BAND:
        shift = columns - rows
        return (column > row + shift + after) | (column < row + shift - before)
    if mode == 0 and mask is not None and (before < rows or after < columns):
        band = (column > row + after) | (column < row - before)
        return band | mask.bool()
    return None if mask is None else mask.bool()


def _attend(
    q: Tensor, k: Tensor, v: Tensor, scale: float, hidden: Tensor | None, pse: Tensor | None, keep: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention in float32; returns the result, and the largest score and the sum of exponentials a row."""
    groups = q.shape[1] // k.shape[1]
    if groups > 1:
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    scores = q.float() @ k.float().transpose(-1, -2)
    scores = scores * scale if pse is None else (scores + pse.float()) * scale
    if hidden is not None:
        scores = scores.masked_fill(hidden, torch.finfo(torch.float32).min)
    top = scores.amax(-1, keepdim=True)
    exponentials = torch.exp(scores - top)
    total = exponentials.sum(-1, keepdim=True)
    weights = _dropped(exponentials / total, keep)
    return (weights @ v.float()).to(q.dtype), top, total


def _packed(
    q: Tensor, k: Tensor, v: Tensor, ends_q: Any, ends_k: Any, settings: dict[str, Any]
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention of sequences that lie one after the other; ends are their cumulated lengths."""
    outs, tops, totals = [], [], []
    begin_q = begin_k = 0
    for end_q, end_k in zip(ends_q, ends_k, strict=True):
        one = [q[begin_q:end_q], k[begin_k:end_k], v[begin_k:end_k]]
        a, b, c = (t.transpose(0, 1).unsqueeze(0) for t in one)
        hidden = _hidden(
            settings["mask"],
            end_q - begin_q,
            end_k - begin_k,
            settings["mode"],
            settings["before"],
            settings["after"],
        )
        if hidden is not None:
            hidden = hidden[..., : end_q - begin_q, : end_k - begin_k]
        out, top, total = _attend(a, b, c, settings["scale"], hidden, settings["pse"], settings["keep"])
        outs.append(out[0].transpose(0, 1))
        tops.append(top[0].transpose(0, 1))
        totals.append(total[0].transpose(0, 1))
        begin_q, begin_k = end_q, end_k
    return torch.cat(outs), torch.cat(tops), torch.cat(totals)


@fused("FlashAttentionScore", "attention")
def npu_fusion_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    head_num: int,
    input_layout: str,
    pse: Tensor | None = None,
    padding_mask: Tensor | None = None,
    atten_mask: Tensor | None = None,
    scale: float = 1.0,
    keep_prob: float = 1.0,
    pre_tockens: int = 2147483647,
    next_tockens: int = 2147483647,
    inner_precise: int = 0,
    prefix: list[int] | None = None,
    actual_seq_qlen: list[int] | None = None,
    actual_seq_kvlen: list[int] | None = None,
    sparse_mode: int = 0,
    gen_mask_parallel: bool = True,
    sync: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor, int, int, int]:
    """Attention without its scores in memory (flash attention).

    Args:
        query: in `input_layout`.
        key: the same; fewer heads than the query are shared by groups of its heads.
        value: the same.
        head_num: heads of the query.
        input_layout: "BSH", "SBH", "BSND", "BNSD" or "TND" (sequences one after the other, with their ends).
        pse: added to the scores before they are scaled.
        padding_mask: not used by the device either.
        atten_mask: True hides a key; (…, queries, keys), or the compressed 2048 by 2048 one of sparse_mode 2
            to 4.
        scale: of the scores.
        keep_prob: 1 - the probability of dropout.
        pre_tockens: keys seen before a query, for sparse_mode 0 and 4.
        next_tockens: keys seen after it.
        inner_precise: without effect.
        prefix: for sparse_mode 5 and 6.
        actual_seq_qlen: cumulated lengths of the queries, for TND.
        actual_seq_kvlen: cumulated lengths of the keys, for TND.
        sparse_mode: 0 the mask, 1 the whole mask, 2 and 3 causal from the left upper or right lower corner,
            4 a band.
        gen_mask_parallel: without effect.
        sync: without effect.

    Returns:
        The result in the query's layout, the largest score and the sum of exponentials of each row
        (float32, the last dimension repeated 8 times as on the device), an empty tensor, and three numbers
        of the dropout.

    Raises:
        RuntimeError: an unknown layout, or TND without lengths.
        NotImplementedError: sparse_mode 5 and above.
    """
    if input_layout not in _LAYOUTS:
        raise invalid(
            f"The input_layout should be BSH/SBH/BNSD/BSND/TND(case-insensitive), but got {input_layout}"
        )
    if sparse_mode > _BAND or prefix is not None:
        raise not_simulated("npu_fusion_attention", f"sparse_mode={sparse_mode}", "use sparse_mode 0 to 4")
    before, after = pre_tockens, next_tockens
    if input_layout == "TND":
        if actual_seq_qlen is None or actual_seq_kvlen is None:
            raise invalid("actual_seq_qlen and actual_seq_kvlen are needed when input_layout is TND.")
        settings = {
            "mask": atten_mask,
            "mode": sparse_mode,
            "before": before,
            "after": after,
            "scale": scale,
            "pse": pse,
            "keep": keep_prob,
        }
        out, top, total = _packed(query, key, value, actual_seq_qlen, actual_seq_kvlen, settings)
    else:
        q = _heads(query, input_layout, head_num)
        kv_heads = key.shape[-1] * head_num // query.shape[-1] if query.dim() == 3 else head_num  # noqa: PLR2004 - BSH and SBH
        k, v = _heads(key, input_layout, kv_heads), _heads(value, input_layout, kv_heads)
        hidden = _hidden(atten_mask, q.shape[2], k.shape[2], sparse_mode, before, after)
        result, top, total = _attend(q, k, v, scale, hidden, pse, keep_prob)
        out = _laid_out(result, input_layout)
    repeats = [1] * (top.dim() - 1) + [8]
    nothing = torch.zeros(0, dtype=query.dtype)
    return out, top.detach().repeat(repeats), total.detach().repeat(repeats), nothing, 0, 0, 0


def _inference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    layout: str,
    heads: int,
    kv_heads: int,
    scale: float,
    pse: Tensor | None,
    lengths: Any,
) -> Tensor:
    kv_heads = kv_heads or heads
    q = _heads(query, layout, heads)
    k, v = _heads(key, layout, kv_heads), _heads(value, layout, kv_heads)
    hidden = None if mask is None else mask.bool()
    if lengths is not None:
        ends = torch.tensor([int(n) for n in lengths]).view(-1, 1, 1, 1)
        beyond = torch.arange(k.shape[2]).view(1, 1, 1, -1) >= ends
        hidden = beyond if hidden is None else hidden | beyond
    return _laid_out(_attend(q, k, v, scale, hidden, pse, 1.0)[0], layout)


@fused("PromptFlashAttention", "attention", differentiable=False)
def npu_prompt_flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    padding_mask: Tensor | None = None,
    atten_mask: Tensor | None = None,
    pse_shift: Tensor | None = None,
    actual_seq_lengths: list[int] | None = None,
    num_heads: int = 1,
    scale_value: float = 1.0,
    pre_tokens: int = 2147473647,
    next_tokens: int = 0,
    input_layout: str = "BSH",
    num_key_value_heads: int = 0,
    actual_seq_lengths_kv: list[int] | None = None,
    sparse_mode: int = 0,
) -> Tensor:
    """Attention of a whole prompt, for inference; arguments as in `npu_fusion_attention`.

    Raises:
        NotImplementedError: sparse_mode other than 0 and 1, or lengths of the queries.
    """
    if sparse_mode > _ALL or actual_seq_lengths is not None:
        raise not_simulated(
            "npu_prompt_flash_attention", f"sparse_mode={sparse_mode} or lengths", "give a full atten_mask"
        )
    return _inference(
        query,
        key,
        value,
        atten_mask,
        input_layout,
        num_heads,
        num_key_value_heads,
        scale_value,
        pse_shift,
        actual_seq_lengths_kv,
    )


@fused("IncreFlashAttention", "attention", differentiable=False)
def npu_incre_flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    padding_mask: Tensor | None = None,
    atten_mask: Tensor | None = None,
    pse_shift: Tensor | None = None,
    actual_seq_lengths: list[int] | None = None,
    num_heads: int = 1,
    scale_value: float = 1.0,
    input_layout: str = "BSH",
    num_key_value_heads: int = 0,
) -> Tensor:
    """Attention of one new token to the keys and values so far, for inference."""
    return _inference(
        query,
        key,
        value,
        atten_mask,
        input_layout,
        num_heads,
        num_key_value_heads,
        scale_value,
        pse_shift,
        actual_seq_lengths,
    )


@fused("MultiHeadAttention", "attention")
def npu_multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_weight: Tensor,
    key_weight: Tensor,
    value_weight: Tensor,
    attn_mask: Tensor,
    out_proj_weight: Tensor,
    query_bias: Tensor | None,
    key_bias: Tensor | None,
    value_bias: Tensor | None,
    out_proj_bias: Tensor | None,
    dropout_mask: Tensor | None,
    attn_head_num: int,
    attn_dim_per_head: int,
    src_len: int,
    tgt_len: int,
    dropout_prob: float,
    softmax_use_float: bool,
) -> tuple[Tensor, ...]:
    """Projections, attention and output projection of (batch · length, heads · width) tensors.

    Returns:
        The result, the dropout mask, query, key and value by heads, scores, weights and context.
    """
    heads, width = attn_head_num, attn_dim_per_head
    batch = query.shape[0] // tgt_len

    def project(x: Tensor, weight: Tensor, bias: Tensor | None, length: int) -> Tensor:
        y = torch.nn.functional.linear(x, weight, bias)
        return y.view(batch, length, heads, width).transpose(1, 2)

    q = project(query, query_weight, query_bias, tgt_len) / math.sqrt(width)
    k = project(key, key_weight, key_bias, src_len)
    v = project(value, value_weight, value_bias, src_len)
    scores = q @ k.transpose(-1, -2) + attn_mask
    weights = torch.softmax(scores.float() if softmax_use_float else scores, -1).to(query.dtype)
    kept = torch.ones_like(weights)
    if dropout_prob > 0:
        kept = torch.empty_like(weights).bernoulli_(1 - dropout_prob, generator=generator()) / (
            1 - dropout_prob
        )
    context = ((weights * kept) @ v).transpose(1, 2).reshape(batch * tgt_len, heads * width)
    y = torch.nn.functional.linear(context, out_proj_weight, out_proj_bias)
    return y, kept.detach(), q, k, v, scores, weights, context
