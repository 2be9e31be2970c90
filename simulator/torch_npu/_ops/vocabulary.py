"""Cross entropy of a vocabulary that is split over several devices, fused with the last layer.

Each device has some of the rows of the last layer's weight. It computes its part of the maximum, of the sum
of exponentials and of the predicted logit; the program reduces them over the devices and computes the loss.
Source: the pages of the three operators in Ascend/op-plugin (docs/zh/custom_APIs/torch_npu).
"""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, invalid

_BITS = 8


def _packed(mask: Tensor) -> Tensor:
    """Bits as bytes, the first one highest; what fills the last byte is set."""
    rest = -mask.numel() % _BITS
    bits = torch.cat([mask.int(), torch.ones(rest, dtype=torch.int32)]).view(-1, _BITS)
    return (bits << torch.arange(_BITS - 1, -1, -1, dtype=torch.int32)).sum(1).to(torch.uint8)


def _unpacked(mask: Tensor, count: int) -> Tensor:
    """The first bits of bytes."""
    bits = mask.int().unsqueeze(1) >> torch.arange(_BITS - 1, -1, -1, dtype=torch.int32) & 1
    return bits.view(-1)[:count].bool()


@fused("FusedLinearOnlineMaxSum", "matmul", differentiable=False)
def npu_fused_linear_online_max_sum(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    vocab_start_index: int,
    vocab_end_index: int,
    return_logits: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """The last layer's product with this device's words, and what its cross entropy needs of each row.

    Args:
        input: (N, width), of 16 bits.
        weight: (words, width), this device's, of the same type.
        target: (N,) int32 or int64, words of the whole vocabulary.
        vocab_start_index: the device's first word.
        vocab_end_index: its last.
        return_logits: give the product as well.

    Returns:
        Maximum, sum of exponentials and predicted logit of each row (float32), the rows whose word lies
        elsewhere as bits (uint8), the words counted from the device's first, and the logits or None.
    """
    if input.shape[-1] != weight.shape[-1] or input.dtype is not weight.dtype:
        raise invalid(
            f"input {tuple(input.shape)} {input.dtype} and weight {tuple(weight.shape)} {weight.dtype} "
            "must have the same type and the same size of dimension 1"
        )
    logits = (input.float() @ weight.float().t()).to(input.dtype)
    high = logits.float().max(-1).values
    rest = logits.float() - high.unsqueeze(-1)
    mask = (target < vocab_start_index) | (target > vocab_end_index)
    words = (target - vocab_start_index).masked_fill(mask, 0)
    predicted = rest.gather(1, words.long().unsqueeze(1)).squeeze(1).masked_fill(mask, 0.0)
    given = logits if return_logits else None
    return high, rest.exp().sum(-1), predicted, _packed(mask), words, given


@fused("FusedCrossEntropyLossWithMaxSum", "softmax", differentiable=False)
def npu_fused_cross_entropy_loss_with_max_sum(
    logits_max: Tensor,
    sum_exp_logits: Tensor,
    predicted_logits: Tensor,
    *,
    label_smoothing: float | None = 0.0,
    input: Tensor | None = None,
    weight: Tensor | None = None,
    vocab_parallel_logits: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The loss of each row out of what all devices together found.

    Args:
        logits_max: (N,) float32.
        sum_exp_logits: (N,) float32.
        predicted_logits: (N,) float32.
        label_smoothing: 0; the device has nothing else.
        input: None; as above.
        weight: None; as above.
        vocab_parallel_logits: (N, words) this device's logits.

    Returns:
        The losses (N,) in float32, and the softmax of the logits or None.

    Raises:
        RuntimeError: smoothing, an input or a weight is given.
    """
    if label_smoothing or input is not None or weight is not None:
        raise invalid("label_smoothing must be 0, input and weight None")
    softmax = None
    if vocab_parallel_logits is not None:
        rest = vocab_parallel_logits.float() - logits_max.unsqueeze(-1)
        softmax = rest.exp() / sum_exp_logits.unsqueeze(-1)
    return sum_exp_logits.log() - predicted_logits, softmax


@fused("FusedLinearCrossEntropyLossGrad", "matmul", differentiable=False)
def npu_fused_linear_cross_entropy_loss_with_max_sum_backward(
    grad: Tensor,
    input: Tensor,
    weight: Tensor,
    target_mask: Tensor,
    masked_target: Tensor,
    label_smoothing: float = 0.0,
    logits_max: Tensor | None = None,
    sum_exp_logits: Tensor | None = None,
    softmax: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The gradients of the last layer's input and of this device's part of its weight.

    Args:
        grad: (N,) of the losses, float32.
        input: (N, width).
        weight: (words, width).
        target_mask: bits of the rows whose word lies elsewhere.
        masked_target: (N,) words counted from the device's first.
        label_smoothing: 0; the device has nothing else.
        logits_max: (N,), needed without `softmax`.
        sum_exp_logits: (N,), as above.
        softmax: (N, words) float32.

    Raises:
        RuntimeError: smoothing; or neither the softmax nor what it can be computed from.
    """
    if label_smoothing:
        raise invalid("label_smoothing must be 0")
    if softmax is None:
        if logits_max is None or sum_exp_logits is None:
            raise invalid("without softmax, logits_max and sum_exp_logits must be given")
        rest = input.float() @ weight.float().t() - logits_max.unsqueeze(-1)
        softmax = rest.exp() / sum_exp_logits.unsqueeze(-1)
    slope = softmax.float().clone()
    here = (~_unpacked(target_mask, grad.shape[0])).float()
    slope[torch.arange(grad.shape[0]), masked_target.long()] -= here
    slope = slope * grad.unsqueeze(-1)
    return (slope @ weight.float()).to(input.dtype), (slope.t() @ input.float()).to(weight.dtype)
