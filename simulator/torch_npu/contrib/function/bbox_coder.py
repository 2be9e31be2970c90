"""Boxes as what a network predicts, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_npu._ops.boxes import npu_bounding_box_decode, npu_bounding_box_encode, npu_yolo_boxes_encode
from torch_npu.contrib._checks import same_boxes, wide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = [
    "npu_bbox_coder_decode_xywh2xyxy",
    "npu_bbox_coder_encode_xyxy2xywh",
    "npu_bbox_coder_encode_yolo",
]
_NO_MEANS = (0.0, 0.0, 0.0, 0.0)
_NO_STDS = (1.0, 1.0, 1.0, 1.0)


def npu_bbox_coder_encode_yolo(bboxes: Tensor, gt_bboxes: Tensor, stride: Tensor) -> Tensor:
    """YOLO's targets of boxes; see `torch_npu.npu_yolo_boxes_encode`.

    Raises:
        ValueError: the boxes do not fit.
    """
    same_boxes(bboxes, gt_bboxes, "bboxes", "gt_bboxes")
    found: Tensor = npu_yolo_boxes_encode(wide(bboxes), wide(gt_bboxes), stride.int(), performance_mode=False)
    return found


def npu_bbox_coder_encode_xyxy2xywh(
    bboxes: Tensor,
    gt_bboxes: Tensor,
    means: Sequence[float] | None = None,
    stds: Sequence[float] | None = None,
    is_normalized: bool = False,
    normalized_scale: float = 10000.0,
) -> Tensor:
    """What leads from boxes to ground truth; see `torch_npu.npu_bounding_box_encode`.

    Args:
        bboxes: (N, 4) corners.
        gt_bboxes: (N, 4) corners.
        means: taken off.
        stds: divided by.
        is_normalized: the corners lie between 0 and 1, and are scaled up first.
        normalized_scale: by how much.

    Raises:
        ValueError: the boxes do not fit.
    """
    same_boxes(bboxes, gt_bboxes, "bboxes", "gt_bboxes")
    scale = normalized_scale if is_normalized else 1.0
    found: Tensor = npu_bounding_box_encode(
        wide(bboxes) * scale, wide(gt_bboxes) * scale, *(means or _NO_MEANS), *(stds or _NO_STDS)
    )
    return found


def npu_bbox_coder_decode_xywh2xyxy(
    bboxes: Tensor,
    pred_bboxes: Tensor,
    means: Sequence[float] | None = None,
    stds: Sequence[float] | None = None,
    max_shape: Sequence[int] | None = None,
    wh_ratio_clip: float = 16 / 1000,
) -> Tensor:
    """Boxes from predictions; see `torch_npu.npu_bounding_box_decode`.

    Raises:
        ValueError: the boxes do not fit.
    """
    same_boxes(bboxes, pred_bboxes, "bboxes", "pred_bboxes")
    found: Tensor = npu_bounding_box_decode(
        wide(bboxes),
        wide(pred_bboxes),
        *(means or _NO_MEANS),
        *(stds or _NO_STDS),
        max_shape or (9999, 9999),
        wh_ratio_clip,
    )
    return found
