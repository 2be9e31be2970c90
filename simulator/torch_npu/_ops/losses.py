"""Losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused


@fused("SoftmaxCrossEntropyWithLogits", "softmax")
def npu_softmax_cross_entropy_with_logits(features: Tensor, labels: Tensor) -> Tensor:
    """-Σ labels · log softmax(features) of each row.

    Args:
        features: (rows, classes).
        labels: weights of the classes, of the same shape.

    Returns:
        (rows,).
    """
    return -(labels * functional.log_softmax(features, dim=-1)).sum(-1)


@fused("CrossEntropyLoss", "softmax")
def npu_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    lse_square_scale_for_zloss: float = 0.0,
    return_zloss: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cross entropy of rows of logits with classes; returns the loss, log softmax, and two empty tensors.

    Raises:
        NotImplementedError: the z loss is asked for.
    """
    if lse_square_scale_for_zloss or return_zloss:
        from torch_npu._ops._fused import not_simulated

        raise not_simulated("npu_cross_entropy_loss", "a z loss", "leave out lse_square_scale_for_zloss")
    loss = functional.cross_entropy(
        input,
        target.long(),
        weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    nothing = torch.zeros(0)
    return loss, functional.log_softmax(input, -1), nothing, nothing.clone()
