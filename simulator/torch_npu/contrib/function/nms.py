"""Suppression of overlapping boxes of several classes."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._ops.detection import npu_batch_nms


def npu_batched_multiclass_nms(
    multi_bboxes: Tensor,
    multi_scores: Tensor,
    score_thr: float = 0.05,
    nms_thr: float = 0.45,
    max_num: int = 50,
    score_factors: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The best boxes of each image that do not overlap.

    Args:
        multi_bboxes: (batch, n, classes · 4) or (batch, n, 4) corners.
        multi_scores: (batch, n, classes + 1); the last is the background.
        score_thr: scores up to it do not count.
        nms_thr: overlap from which the worse one goes.
        max_num: how many an image; the rest is 0.
        score_factors: (batch, n) multiplied with the scores.

    Returns:
        Boxes with scores (batch, max_num, 5) and classes (batch, max_num), float16.
    """
    scores = multi_scores[..., :-1]
    if score_factors is not None:
        scores = scores * score_factors[..., None]
    batch, count, _ = scores.shape
    corners = multi_bboxes.reshape(batch, count, -1, 4)
    found, points, kinds, _ = npu_batch_nms(
        corners.half(), scores.half(), score_thr, nms_thr, max_num, max_num
    )
    return torch.cat([found, points[..., None]], -1), kinds


def npu_multiclass_nms(
    multi_bboxes: Tensor,
    multi_scores: Tensor,
    score_thr: float = 0.05,
    nms_thr: float = 0.45,
    max_num: int = 50,
    score_factors: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`npu_batched_multiclass_nms` of one image, whose tensors have no batch dimension."""
    factors = None if score_factors is None else score_factors[None]
    boxes, kinds = npu_batched_multiclass_nms(
        multi_bboxes.reshape(1, multi_bboxes.shape[0], -1),
        multi_scores[None],
        score_thr,
        nms_thr,
        max_num,
        factors,
    )
    return boxes[0], kinds[0]
