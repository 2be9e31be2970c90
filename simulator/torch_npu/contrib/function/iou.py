"""Overlaps of boxes, under older names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_npu._ops import boxes
from torch_npu.contrib._checks import deprecated, value_error, wide

if TYPE_CHECKING:
    from torch import Tensor


def npu_iou(
    boxes1: Tensor,
    boxes2: Tensor,
    mode: str = "ptiou",
    is_normalized: bool = False,
    normalized_scale: float = 100.0,
) -> Tensor:
    """IoU of each pair of (N, 4) and (M, 4) corners: (N, M).

    Raises:
        ValueError: the mode is neither "iou" nor "ptiou".
    """
    deprecated("torch_npu.contrib.npu_iou", "torch_npu.npu_iou or torch_npu.npu_ptiou")
    if mode not in {"iou", "ptiou"}:
        raise value_error("Expected mode in [iou, ptiou]")
    scale = normalized_scale if is_normalized else 1.0
    overlap = boxes.npu_iou if mode == "iou" else boxes.npu_ptiou
    found: Tensor = overlap(wide(boxes2) * scale, wide(boxes1) * scale)
    return found


npu_ptiou = npu_iou


def npu_giou(boxes1: Tensor, boxes2: Tensor, is_permuted: bool = True) -> Tensor:
    """Generalized IoU of pairs of centres, (n, 4) each (or (4, n) without `is_permuted`): (n, 1).

    Raises:
        ValueError: the shapes differ.
    """
    deprecated("torch_npu.contrib.npu_giou", "torch_npu.npu_giou")
    if boxes1.shape != boxes2.shape:
        raise value_error("Expected boxes1.shape == boxes2.shape")
    a, b = wide(boxes1), wide(boxes2)
    if is_permuted:
        a, b = a.t(), b.t()
    found: Tensor = boxes.npu_giou(a, b, trans=True, is_cross=False)
    return found


def npu_diou(
    boxes1: Tensor, boxes2: Tensor, trans: bool = True, is_cross: bool = False, mode: int = 0
) -> Tensor:
    """Distance IoU; see `torch_npu.npu_diou`."""
    deprecated("torch_npu.contrib.function.npu_diou", "torch_npu.npu_diou")
    found: Tensor = boxes.npu_diou(boxes1, boxes2, trans, is_cross, mode)
    return found


def npu_ciou(
    boxes1: Tensor, boxes2: Tensor, trans: bool = True, is_cross: bool = False, mode: int = 0
) -> Tensor:
    """Complete IoU; see `torch_npu.npu_ciou`."""
    deprecated("torch_npu.contrib.function.npu_ciou", "torch_npu.npu_ciou")
    found: Tensor = boxes.npu_ciou(boxes1, boxes2, trans, is_cross, mode, atan_sub_flag=True)
    return found
