"""Mixtures of experts: gates, routing, grouped products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, not_simulated

if TYPE_CHECKING:
    from collections.abc import Sequence


@fused("MoeGatingTopKSoftmax", "softmax", differentiable=False)
def npu_moe_gating_top_k_softmax(
    x: Tensor, finished: Tensor | None = None, k: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """The k experts with the largest softmax of each row.

    Args:
        x: (…, experts).
        finished: (…,) True takes a row out: its experts are numbered beyond the last.
        k: how many.

    Returns:
        Weights, experts (int32) and row numbers (int32), each (…, k); row numbers run down the columns.
    """
    weights, experts = torch.softmax(x.float(), -1).topk(k, -1)
    if finished is not None:
        experts = experts.masked_fill(finished.unsqueeze(-1), x.shape[-1])
    rows = weights[..., 0].numel()
    numbers = torch.arange(rows * k, dtype=torch.int32).view(k, rows).t().reshape(weights.shape)
    return weights.to(x.dtype), experts.int(), numbers


@fused("MoeInitRouting", "gather", differentiable=False)
def npu_moe_init_routing(
    x: Tensor, row_idx: Tensor, expert_idx: Tensor, active_num: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Copies rows once for each of their experts, sorted by expert.

    Args:
        x: (rows, width).
        row_idx: (rows, k) from `npu_moe_gating_top_k_softmax`.
        expert_idx: (rows, k) from the same.
        active_num: rows that count at most.

    Returns:
        The copies, where each copy went (rows · k,), and the sorted experts (rows · k,), int32.
    """
    experts, order = expert_idx.reshape(-1).sort(stable=True)
    source = row_idx.reshape(-1)[order].long()
    places = torch.zeros_like(source, dtype=torch.int32)
    places[source] = torch.arange(source.numel(), dtype=torch.int32)
    active = min(active_num, x.shape[0]) * expert_idx.shape[-1]
    return x[source[:active] % x.shape[0]], places, experts.int()


@fused("MoeComputeExpertTokens", differentiable=False)
def npu_moe_compute_expert_tokens(sorted_experts: Tensor, num_experts: int = 1) -> Tensor:
    """Behind which row each expert's rows end, of a sorted list of experts; (num_experts,)."""
    numbers = torch.arange(num_experts, dtype=sorted_experts.dtype)
    ends = torch.searchsorted(sorted_experts, numbers, right=True)
    return ends.to(sorted_experts.dtype)


@fused("MoeFinalizeRoutingV2", "gather", differentiable=False)
def npu_moe_finalize_routing(
    expanded_permuted_rows: Tensor,
    skip1: Tensor | None,
    skip2: Tensor | None,
    bias: Tensor | None,
    scales: Tensor | None,
    expanded_src_to_dst_row: Tensor,
    export_for_source_row: Tensor | None,
    drop_pad_mode: int = 0,
) -> Tensor:
    """Brings the experts' rows back together, weighted, and adds what skipped the experts.

    Args:
        expanded_permuted_rows: the experts' results; (rows · k, width), or (experts, capacity, width).
        skip1: (rows, width) to be added.
        skip2: the same.
        bias: (experts, width) of the experts.
        scales: (rows, k) weights.
        expanded_src_to_dst_row: (rows · k,) where each row's copies went; -1 is dropped.
        export_for_source_row: (rows, k) experts, for the bias.
        drop_pad_mode: how copies were dropped; the places say it.

    Returns:
        (rows, width).
    """
    k = 1 if scales is None else scales.shape[1]
    width = expanded_permuted_rows.shape[-1]
    results = expanded_permuted_rows.reshape(-1, width)
    places = expanded_src_to_dst_row.view(k, -1).long()
    rows = torch.where((places >= 0).unsqueeze(-1), results[places.clamp(min=0)], 0)  # k, rows, width
    if bias is not None and export_for_source_row is not None:
        rows = rows + bias[export_for_source_row.long()].transpose(0, 1)
    if scales is not None:
        rows = rows * scales.t().unsqueeze(-1)
    out = rows.sum(0)
    for skip in (skip1, skip2):
        out = out if skip is None else out + skip
    return out.to(expanded_permuted_rows.dtype)


def _bounds(group_list: Any, group_list_type: int) -> list[int]:
    ends = group_list.tolist() if isinstance(group_list, Tensor) else list(group_list)
    if group_list_type == 1:
        ends = torch.tensor(ends).cumsum(0).tolist()
    return [int(e) for e in ends]


@fused("GroupedMatmul", "matmul")
def npu_grouped_matmul(
    x: Sequence[Tensor],
    weight: Sequence[Tensor],
    *,
    bias: Sequence[Tensor] | None = None,
    scale: Any = None,
    offset: Any = None,
    antiquant_scale: Any = None,
    antiquant_offset: Any = None,
    per_token_scale: Any = None,
    group_list: Any = None,
    activation_input: Any = None,
    activation_quant_scale: Any = None,
    activation_quant_offset: Any = None,
    split_item: int = 0,
    group_type: int | None = None,
    group_list_type: int = 0,
    act_type: int = 0,
    output_dtype: torch.dtype | None = None,
) -> list[Tensor]:
    """Products of many pairs of matrices in one launch.

    Args:
        x: matrices (m, k); or one whose rows belong to groups, one after the other.
        weight: matrices (k, n), one a group; or one of (groups, k, n).
        bias: (n,) each.
        scale: quantization; not simulated, nor the five that follow.
        offset: see `scale`.
        antiquant_scale: see `scale`.
        antiquant_offset: see `scale`.
        per_token_scale: see `scale`.
        group_list: where each group's rows end, or with group_list_type 1 how many they are.
        activation_input: see `scale`.
        activation_quant_scale: see `scale`.
        activation_quant_offset: see `scale`.
        split_item: 0 or 1 a result each, 2 or 3 one of all.
        group_type: -1 pairs, 0 groups of rows.
        group_list_type: see `group_list`.
        act_type: 0.
        output_dtype: the result's type; the inputs' by default.

    Returns:
        The products, one each or one of all.

    Raises:
        NotImplementedError: quantized inputs, activations, or groups along k.
    """
    quantized = (scale, offset, antiquant_scale, antiquant_offset, per_token_scale)
    if any(q is not None for q in quantized) or act_type or group_type == 2:  # noqa: PLR2004 - along k
        raise not_simulated(
            "npu_grouped_matmul", "quantization, activations or groups along k", "use groups of rows"
        )
    weights = list(weight[0].unbind(0)) if len(weight) == 1 and weight[0].dim() == 3 else list(weight)  # noqa: PLR2004 - groups of matrices
    inputs = list(x)
    if len(inputs) == 1 and group_list is not None:
        ends = _bounds(group_list, group_list_type)
        begins = [0, *ends[:-1]]
        inputs = [inputs[0][b:e] for b, e in zip(begins, ends, strict=True)]
    results = []
    for i, (left, right) in enumerate(zip(inputs, weights, strict=True)):
        product = left.float() @ right.float()
        product = product if bias is None else product + bias[i].float()
        results.append(product.to(output_dtype or left.dtype))
    return [torch.cat(results)] if split_item in {2, 3} else results


@fused("MoeTokenPermute", "gather")
def npu_moe_token_permute(
    tokens: Tensor, indices: Tensor, num_out_tokens: int | None = None, padded_mode: bool = False
) -> tuple[Tensor, Tensor]:
    """Copies tokens once for each of their experts, sorted by expert.

    Args:
        tokens: (tokens, width).
        indices: (tokens,) or (tokens, k) experts.
        num_out_tokens: copies that count; None or 0 for all.
        padded_mode: False; the device has nothing else.

    Returns:
        The copies, and where each of the (token, expert) pairs went (int32).

    Raises:
        NotImplementedError: padded.
    """
    if padded_mode:
        raise not_simulated("npu_moe_token_permute", "padded_mode=True", "the device has only False")
    k = 1 if indices.dim() == 1 else indices.shape[1]
    order = indices.reshape(-1).argsort(stable=True)
    places = torch.empty_like(order)
    places[order] = torch.arange(order.numel())
    order = order[:num_out_tokens] if num_out_tokens else order
    return tokens.index_select(0, order // k), places.int()


@fused("MoeTokenUnpermute", "gather")
def npu_moe_token_unpermute(
    permuted_tokens: Tensor,
    sorted_indices: Tensor,
    probs: Tensor | None = None,
    padded_mode: bool = False,
    restore_shape: Sequence[int] | None = None,
) -> Tensor:
    """Brings what `npu_moe_token_permute` sorted back, and adds a token's copies by their probabilities.

    Args:
        permuted_tokens: (copies, width).
        sorted_indices: (tokens · k,) where each pair went.
        probs: (tokens, k); without them k is 1.
        padded_mode: False; the device has nothing else.
        restore_shape: as above.

    Raises:
        NotImplementedError: padded.
    """
    if padded_mode:
        raise not_simulated("npu_moe_token_unpermute", "padded_mode=True", "the device has only False")
    width, k = permuted_tokens.shape[-1], 1 if probs is None else probs.shape[1]
    places = sorted_indices.long()
    kept = (places < permuted_tokens.shape[0]).unsqueeze(1)  # copies beyond `num_out_tokens` were dropped
    rows = permuted_tokens.index_select(0, places.clamp(max=max(permuted_tokens.shape[0] - 1, 0)))
    rows = torch.where(kept, rows, rows.new_zeros(())).view(-1, k, width)
    return rows.squeeze(1) if probs is None else (rows * probs.unsqueeze(-1)).sum(1).to(rows.dtype)
