"""Anchors of feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_npu._ops.boxes import npu_anchor_response_flags
from torch_npu.contrib._checks import wide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def box_dtype_check(box: Tensor) -> Tensor:
    """Boxes as float32."""
    return wide(box)


def npu_single_level_responsible_flags(
    featmap_size: Sequence[int], gt_bboxes: Tensor, stride: Sequence[int], num_base_anchors: int
) -> Tensor:
    """Which anchors of a feature map hold the centre of a box; see `torch_npu.npu_anchor_response_flags`."""
    flags: Tensor = npu_anchor_response_flags(
        box_dtype_check(gt_bboxes), featmap_size, stride, num_base_anchors
    )
    return flags
