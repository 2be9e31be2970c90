"""Suppression of overlapping boxes, and pooling of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, not_simulated
from torch_npu._ops.boxes import _iou

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNED = 3


def _suppressed(boxes: Tensor, order: Tensor, threshold: float, limit: int) -> list[int]:
    """Indices of boxes that no better one overlaps by more than a threshold, best first."""
    overlaps = _iou(boxes, boxes, 0)
    kept: list[int] = []
    for i in order.tolist():
        if len(kept) >= limit:
            break
        if not kept or bool((overlaps[i, kept] <= threshold).all()):
            kept.append(i)
    return kept


@fused("NonMaxSuppressionV4", "pool", differentiable=False)
def npu_nms_v4(
    self: Tensor,
    scores: Tensor,
    max_output_size: float,
    iou_threshold: Tensor,
    scores_threshold: Tensor,
    pad_to_max_output_size: bool = False,
) -> tuple[Tensor, Tensor]:
    """The boxes with the best scores that do not overlap.

    Args:
        self: (N, 4) corners.
        scores: (N,).
        max_output_size: how many at most.
        iou_threshold: overlap from which the worse one goes.
        scores_threshold: scores up to it do not count.
        pad_to_max_output_size: fill up with 0.

    Returns:
        Their indices (int32), best first, and how many are valid (int32).
    """
    limit = int(max_output_size)
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] > float(scores_threshold)]
    kept = _suppressed(self, order, float(iou_threshold), limit)
    padded = kept + [0] * (limit - len(kept)) if pad_to_max_output_size else kept
    return torch.tensor(padded, dtype=torch.int32), torch.tensor(len(kept), dtype=torch.int32)


@fused("NMSWithMask", "pool", differentiable=False)
def npu_nms_with_mask(input: Tensor, iou_threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Marks the boxes that no earlier one overlaps.

    Args:
        input: (N, 8): four corners, the score, and three more; best first.
        iou_threshold: overlap from which the later one goes.

    Returns:
        Boxes with scores (N, 5), their indices (int32) and whether each stays (uint8).
    """
    count = input.shape[0]
    kept = _suppressed(input[:, :4], torch.arange(count), float(iou_threshold), count)
    mask = torch.zeros(count, dtype=torch.uint8)
    mask[kept] = 1
    return input[:, :5].clone(), torch.arange(count, dtype=torch.int32), mask


@fused("BatchMultiClassNonMaxSuppression", "pool", differentiable=False)
def npu_batch_nms(
    self: Tensor,
    scores: Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_size_per_class: int,
    max_total_size: int,
    change_coordinate_frame: bool = False,
    transpose_box: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Suppression class by class, then the best of all classes.

    Args:
        self: (batch, N, 1 or classes, 4) corners.
        scores: (batch, N, classes).
        score_threshold: scores up to it do not count.
        iou_threshold: overlap from which the worse one goes.
        max_size_per_class: of each class at most.
        max_total_size: of all together; the rest is filled with 0.
        change_coordinate_frame: not simulated.
        transpose_box: not simulated.

    Returns:
        Boxes (batch, total, 4), scores and classes (batch, total), and how many are valid (batch,), int32.

    Raises:
        NotImplementedError: one of the two above.
    """
    if change_coordinate_frame or transpose_box:
        raise not_simulated("npu_batch_nms", "change_coordinate_frame or transpose_box", "convert the boxes")
    batch, classes = scores.shape[0], scores.shape[2]
    found = torch.zeros(batch, max_total_size, 6)
    counts = torch.zeros(batch, dtype=torch.int32)
    for n in range(batch):
        rows = []
        for c in range(classes):
            boxes = self[n, :, min(c, self.shape[2] - 1)].float()
            points = scores[n, :, c].float()
            order = points.argsort(descending=True, stable=True)
            order = order[points[order] > score_threshold]
            kept = _suppressed(boxes, order, iou_threshold, max_size_per_class)
            kind = torch.tensor([float(c)])
            rows += [torch.cat([boxes[i], points[i].view(1), kind]) for i in kept]
        rows.sort(key=lambda row: -row[4].item())
        rows = rows[:max_total_size]
        counts[n] = len(rows)
        if rows:
            found[n, : len(rows)] = torch.stack(rows)
    boxes, points, kinds = (t.to(self.dtype) for t in (found[..., :4], found[..., 4], found[..., 5]))
    return boxes, points, kinds, counts


def bilinear(features: Tensor, y: Tensor, x: Tensor, *, border: bool) -> Tensor:
    """Values of (C, H, W) at points, each weighted from its four neighbours.

    Args:
        features: one image.
        y: rows, any shape.
        x: columns, of the same shape.
        border: points up to one pixel outside take the border's value (ROIAlign); otherwise outside is 0.

    Returns:
        (C, *y.shape).
    """
    height, width = features.shape[-2:]
    inside = (y > -1) & (y < height) & (x > -1) & (x < width)
    if border:
        inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
        y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.detach().floor(), x.detach().floor()
    down, right = y - top, x - left
    result = torch.zeros(features.shape[0], *y.shape, dtype=features.dtype)
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            valid = inside & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            values = features.flatten(1)[:, index.reshape(-1)].view(-1, *y.shape)
            result = result + values * (row_weight * column_weight * valid)
    return result


@fused("ROIAlign", "pool")
def npu_roi_align(
    features: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sample_num: int,
    roi_end_mode: int,
) -> Tensor:
    """Averages of points of each region, on a grid.

    Args:
        features: (batch, C, H, W).
        rois: (N, 5): the image's number and four corners.
        spatial_scale: from the corners' coordinates to the features'.
        pooled_height: rows of the grid.
        pooled_width: columns.
        sample_num: points a cell in each direction; 0 takes as many as the cell has pixels.
        roi_end_mode: 0 ends a region at its corner, 1 one pixel beyond it, 3 moves it by half a pixel.

    Returns:
        (N, C, pooled_height, pooled_width).

    Raises:
        NotImplementedError: another end mode.
    """
    return _roi_align(features, rois, spatial_scale, pooled_height, pooled_width, sample_num, roi_end_mode)


def _roi_align(
    features: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sample_num: int,
    roi_end_mode: int,
) -> Tensor:
    if roi_end_mode not in {0, 1, ALIGNED}:
        raise not_simulated("npu_roi_align", f"roi_end_mode={roi_end_mode}", "use 0, 1 or 3")
    aligned = roi_end_mode == ALIGNED
    outs = []
    for roi in rois.float():
        begin = roi[1:3] * spatial_scale - (0.5 if aligned else 0.0)
        end = roi[3:5] * spatial_scale - 0.5 if aligned else (roi[3:5] + roi_end_mode) * spatial_scale
        size = end - begin if aligned else (end - begin).clamp(min=1.0)
        cells = []
        for start, length, count in ((begin[1], size[1], pooled_height), (begin[0], size[0], pooled_width)):
            points = sample_num or max(1, -(-int(length.ceil()) // count))
            step = length / count
            offsets = (torch.arange(points) + 0.5) * step / points
            cells.append(start + torch.arange(count).view(-1, 1) * step + offsets)
        ys, xs = cells
        y = ys.view(*ys.shape, 1, 1).expand(*ys.shape, *xs.shape)
        x = xs.view(1, 1, *xs.shape).expand_as(y)
        image = features[int(roi[0])]
        outs.append(bilinear(image, y.to(image.dtype), x.to(image.dtype), border=True).mean((2, 4)))
    return torch.stack(outs)


@fused("ROIAlignGrad", "pool", differentiable=False)
def npu_roi_alignbk(
    self: Tensor,
    rois: Tensor,
    xdiff_shape: Sequence[int],
    pooled_width: int,
    pooled_height: int,
    spatial_scale: float,
    sample_num: int,
    roi_end_mode: int | None = None,
) -> Tensor:
    """The gradient of the features of `npu_roi_align`.

    Args:
        self: the gradient of its result.
        rois: as there.
        xdiff_shape: of the features.
        pooled_width: as there.
        pooled_height: as there.
        spatial_scale: as there.
        sample_num: as there.
        roi_end_mode: as there; 1 by default.
    """
    features = torch.zeros(tuple(xdiff_shape), dtype=self.dtype, requires_grad=True)
    mode = 1 if roi_end_mode is None else roi_end_mode
    with torch.enable_grad():
        out = _roi_align(features, rois, spatial_scale, pooled_height, pooled_width, sample_num, mode)
    return torch.autograd.grad(out, features, self)[0]


@fused("PSROIPooling", "pool")
def npu_ps_roi_pooling(
    self: Tensor, rois: Tensor, spatial_scale: float, group_size: int, output_dim: int
) -> Tensor:
    """Position-sensitive pooling of regions (R-FCN): each cell averages channels of its own.

    Args:
        self: (batch, output_dim · group_size², H, W).
        rois: (batch, 5, N): the image's number and four corners.
        spatial_scale: from the corners' coordinates to the features'.
        group_size: rows and columns of cells.
        output_dim: channels of the result.

    Returns:
        (batch · N, output_dim, group_size, group_size).
    """
    height, width = self.shape[-2:]
    outs = []
    for roi in rois.transpose(1, 2).reshape(-1, 5).float():
        image = self[min(max(int(roi[0]), 0), self.shape[0] - 1)]
        image = image[: output_dim * group_size**2].view(output_dim, group_size, group_size, height, width)
        begin = torch.round(roi[1:3]) * spatial_scale
        size = ((torch.round(roi[3:5]) + 1) * spatial_scale - begin).clamp(min=0.1) / group_size
        out = torch.zeros(output_dim, group_size, group_size, dtype=self.dtype)
        for i in range(group_size):
            rows = _span(begin[1], size[1], i, height)
            for j in range(group_size):
                columns = _span(begin[0], size[0], j, width)
                part = image[:, i, j, rows, columns]
                if part.numel():
                    out[:, i, j] = part.mean((1, 2))
        outs.append(out)
    return torch.stack(outs)


def _span(begin: Tensor, size: Tensor, cell: int, limit: int) -> slice:
    first = int(torch.floor(begin + cell * size).clamp(0, limit))
    last = int(torch.ceil(begin + (cell + 1) * size).clamp(0, limit))
    return slice(first, max(first, last))


@fused("GridAssignPositive", differentiable=False)
def npu_grid_assign_positive(
    self: Tensor,
    overlaps: Tensor,
    box_responsible_flags: Tensor,
    max_overlaps: Tensor,
    argmax_overlaps: Tensor,
    gt_max_overlaps: Tensor,
    gt_argmax_overlaps: Tensor,
    num_gts: Tensor,
    pos_iou_thr: float,
    min_pos_iou: float,
    gt_max_assign_all: bool,
) -> Tensor:
    """Assigns ground truth to responsible boxes (mmdetection's grid assigner).

    Args:
        self: (N,) what is assigned so far.
        overlaps: (K, N) IoU of ground truth and boxes.
        box_responsible_flags: (N,) uint8.
        max_overlaps: (N,) the largest of each box.
        argmax_overlaps: (N,) whose it is.
        gt_max_overlaps: (K,) the largest of each ground truth.
        gt_argmax_overlaps: (K,) whose it is.
        num_gts: how many; no more than K count.
        pos_iou_thr: overlap above which a box is assigned.
        min_pos_iou: overlap from which a ground truth takes its best box.
        gt_max_assign_all: it takes all that are as good.

    Returns:
        (N,): the number of the ground truth, from 1, where one is assigned.
    """
    flags, result = box_responsible_flags.bool(), self.clone()
    positive = (max_overlaps > pos_iou_thr) & flags
    result[positive] = (argmax_overlaps[positive] + 1).to(result.dtype)
    for i in range(min(int(num_gts), overlaps.shape[0])):
        if gt_max_overlaps[i] <= min_pos_iou:
            continue
        if gt_max_assign_all:
            result[(overlaps[i] == gt_max_overlaps[i]) & flags] = i + 1
        elif flags[gt_argmax_overlaps[i].long()]:
            result[gt_argmax_overlaps[i].long()] = i + 1
    return result
